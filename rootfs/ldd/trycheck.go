package ldd

import (
	"errors"
	"fmt"
	"slices"
)

// fails says why a library that was just opened, or one that came with it, would not stay: everything is
// found, and then the loader checks the versions that they want of each other (_dl_check_map_versions in
// glibc's elf/dl-version.c). before is what was loaded already.
func (r *process) fails(before []*loaded) error {
	var err error
	for _, o := range r.objects {
		if slices.Contains(before, o) {
			continue
		}
		if known := r.closure.known(o.Object); known != nil {
			err = errors.Join(err, o.complete(known.elf))
		}
		if r.closure.Flavour == Glibc {
			err = errors.Join(err, r.lacksVersions(o))
		}
	}
	return err
}

// lacksVersions is missingVersions of one object while the process is under way.
func (r *process) lacksVersions(o *loaded) error {
	tables, err := r.versions(o)
	if err != nil {
		return err
	}
	var missing []missingVersion
	by := &verified{Object: o.Object}
	libs := map[*loaded]*verified{}
	for _, n := range tables.needs {
		lib := r.names[n.file]
		if lib == nil || n.weak {
			continue
		}
		if libs[lib] == nil {
			have, err := r.versions(lib)
			if err != nil {
				return err
			}
			libs[lib] = &verified{Object: lib.Object, defs: have.defs}
		}
		if there := libs[lib]; there.defs != nil && !there.provides(n.name) {
			missing = append(missing, missingVersion{n.name, there, by})
		}
	}
	if r.conf.relr {
		err = refusedRELR(o.Object, o.dyn, tables.needs)
	}
	for _, m := range newest(missing) {
		err = errors.Join(err, m)
	}
	return err
}

// versions returns the tables of a loaded object.
func (r *process) versions(o *loaded) (*versionTables, error) {
	known := r.closure.known(o.Object)
	if known == nil || known.versions == nil {
		return &versionTables{}, nil
	}
	if err := known.versions.err; err != nil {
		return nil, fmt.Errorf("reading %q: %w", o.Path, err)
	}
	return known.versions, nil
}
