package ldd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// checkVersions returns an error for missing versions. If only a try misses a version, it adds a warning,
// because the program can do without it.
func (v *verifier) checkVersions() error {
	var err error
	for i, m := range newest(v.missingVersions()) {
		switch {
		case v.closure.tries[m.by.Opened]:
			v.warn(m.text())
		case i < maxProblems:
			err = errors.Join(err, m)
		}
	}
	return err
}

// newest keeps, of the versions in one set that an object misses in a library, only the newest.
func newest(all []missingVersion) []missingVersion {
	var out []missingVersion
	for _, m := range all {
		set := setOf(m.name)
		i := slices.IndexFunc(out, func(x missingVersion) bool {
			return x.lib == m.lib && x.by == m.by && (x.name == m.name || set != "" && set == setOf(x.name))
		})
		switch {
		case i < 0:
			out = append(out, m)
		case compareVersions(m.name, out[i].name) > 0:
			out[i] = m
		}
	}
	return out
}

// missingVersion is a version that lib should define because by was linked against it.
type missingVersion struct {
	name    string
	lib, by *checkedObject
}

// Error says which version is needed, which one there is, and how to fix it.
func (m missingVersion) Error() string {
	return plaintext.Field(m.text()) + "\nfix: " + plaintext.Field(m.fix())
}

// text says which version is needed and which one there is.
func (m missingVersion) text() string {
	there := "does not have it"
	if best := m.best(); best != "" {
		there = "goes up to " + best
	}
	return fmt.Sprintf("%q needs %s of %s; the one in the sysroot (%s) %s", m.by.Path, m.name, m.lib.title(), m.lib.Path, there)
}

// fix says how to fix it.
func (m missingVersion) fix() string {
	best, lib := m.best(), m.lib.title()
	switch {
	case best == "":
		return fmt.Sprintf("build against the %s that goes into the image, or take a sysroot whose %s has %s", lib, lib, m.name)
	case setOf(m.name) == "GLIBC":
		return fmt.Sprintf("build against glibc %s or older, or take a sysroot with glibc %s or newer", numberOf(best), numberOf(m.name))
	}
	return fmt.Sprintf("build against %s with %s or older, or take a sysroot whose %s has %s or newer", lib, best, lib, m.name)
}

// best returns the newest version of the same set that the library has, "" if that does not help.
func (m missingVersion) best() string {
	best, set := "", setOf(m.name)
	for _, have := range m.lib.defs {
		if set != "" && setOf(have) == set && (best == "" || compareVersions(have, best) > 0) {
			best = have
		}
	}
	if best != "" && compareVersions(best, m.name) > 0 {
		return "" // a library that dropped a version
	}
	return best
}

// title returns the soname of a library or, without one, the name asked for.
func (o *checkedObject) title() string {
	if o.Soname != "" {
		return o.Soname
	}
	return o.Name
}

// setOf returns the common prefix of a library's successive versions: "GLIBC" for GLIBC_2.38, "" for a version
// without a number.
func setOf(version string) string {
	i := strings.LastIndexByte(version, '_')
	if i < 0 || strings.Trim(version[i+1:], "0123456789.") != "" || i+1 == len(version) {
		return ""
	}
	return version[:i]
}

// numberOf returns the number of a version, "2.38".
func numberOf(version string) string { return version[strings.LastIndexByte(version, '_')+1:] }

// compareVersions compares the numbers of two versions, part by part.
func compareVersions(a, b string) int {
	numbers := func(v string) []int {
		var out []int
		for _, part := range strings.Split(numberOf(v), ".") {
			n, _ := strconv.Atoi(part) // not a number: sorts first
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(numbers(a), numbers(b))
}

// maxMissing bounds the missing versions that are compared with each other. Ten of them are told.
const maxMissing = 1 << 10

// missingVersions checks every DT_VERNEED against the DT_VERDEF of the library that was loaded under that
// name. musl does not look at them.
func (v *verifier) missingVersions() []missingVersion {
	if v.closure.Flavour != Glibc {
		return nil
	}
	var missing []missingVersion
	for _, o := range v.objects {
		for _, n := range o.needs {
			lib := v.byName(n.File)
			// Like the loader, accept a library without any version and a weak requirement.
			if lib == nil || lib.defs == nil || n.Weak || lib.provides(n.Name) {
				continue
			}
			if missing = append(missing, missingVersion{n.Name, lib, o}); len(missing) == maxMissing {
				return missing
			}
		}
	}
	return missing
}

// provides says whether the object defines a version.
func (o *checkedObject) provides(version string) bool {
	if o.names == nil {
		o.names = make(map[string]bool, len(o.defs))
		for _, name := range o.defs {
			o.names[name] = true
		}
	}
	return o.names[version]
}

// byName returns the object that a DT_VERNEED names. Like the loader, it compares the name asked for and the
// soname.
func (v *verifier) byName(name string) *checkedObject {
	for _, o := range v.objects {
		if o.Name == name || o.Soname == name {
			return o
		}
	}
	return nil
}
