package ldd

import (
	"errors"
	"fmt"
	"slices"
)

// checkTry returns an error if a library that was just opened, or one of its dependencies, would be unloaded
// again: after all files are found, the loader checks the versions that they require (_dl_check_map_versions in
// glibc's elf/dl-version.c). before are the objects that were loaded already.
func (r *process) checkTry(before []*loaded) error {
	var err error
	for _, o := range added(before, r.objects) {
		if known := r.closure.fileOf(o.Object); known != nil {
			err = errors.Join(err, o.checkComplete(known.elf))
		}
		if r.closure.Flavour == Glibc {
			err = errors.Join(err, r.checkVersions(o))
		}
	}
	return err
}

// added returns the objects that are not among those before. Most objects are where they were, so it takes no more than a look at
// each of these.
func added(before, objects []*loaded) []*loaded {
	same := 0
	for same < len(before) && before[same] == objects[same] {
		same++
	}
	before, objects = before[same:], objects[same:]
	if len(before) == 0 {
		return objects
	}
	known := make(map[*loaded]bool, len(before)) // a filter library has moved some
	for _, o := range before {
		known[o] = true
	}
	return slices.DeleteFunc(slices.Clone(objects), func(o *loaded) bool { return known[o] })
}

// checkVersions checks the versions that one object requires, like missingVersions, but before the resolution
// is complete.
func (r *process) checkVersions(o *loaded) error {
	tables, err := r.versionsOf(o)
	if err != nil {
		return err
	}
	var missing []missingVersion
	by := &checkedObject{Object: o.Object}
	libs := map[*loaded]*checkedObject{}
	for _, n := range tables.needs {
		lib := r.names[n.File]
		if lib == nil || n.Weak {
			continue
		}
		if libs[lib] == nil {
			have, err := r.versionsOf(lib)
			if err != nil {
				return err
			}
			libs[lib] = &checkedObject{Object: lib.Object, defs: have.defs}
		}
		if there := libs[lib]; there.defs != nil && !there.provides(n.Name) {
			missing = append(missing, missingVersion{n.Name, there, by})
		}
	}
	if r.conf.relr {
		err = relrError(o.Object, o.dyn, tables.needs)
	}
	for _, m := range newest(missing) {
		err = errors.Join(err, m)
	}
	return err
}

// versionsOf returns the version tables of a loaded object.
func (r *process) versionsOf(o *loaded) (*versionTables, error) {
	known := r.closure.fileOf(o.Object)
	if known == nil || known.versions == nil {
		return &versionTables{}, nil
	}
	if err := known.versions.err; err != nil {
		return nil, fmt.Errorf("reading %q: %w", o.Path, err)
	}
	return known.versions, nil
}
