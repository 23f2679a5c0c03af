package plugins

import (
	"path"
	"slices"
	"strings"
)

// programFolders are the folders for programs and their data, which have no files of one machine, see
// hier(7), and the stores of Nix and Guix. Links of any package may lead there.
var programFolders = []string{"/usr", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"}

// within returns the places that links among a row's files may lead to.
func (d *discovery) within(m match) []string {
	places := slices.Clone(programFolders)
	add := func(pattern string) {
		expanded, ok := expand(pattern, m.values)
		if !ok {
			return
		}
		for _, p := range braces(expanded) {
			if place := literalPrefix(p); place != "/" {
				places = append(places, place)
				// If a folder on the way is a link, the real path is different.
				if real := d.sys.follow(path.Dir(place)); real != "" {
					places = append(places, path.Join(real, path.Base(place)))
				}
			}
		}
	}
	for _, f := range m.files {
		add(f.pattern)
	}
	for _, pattern := range slices.Concat(m.plugins, m.leads) {
		add(pattern)
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// literalPrefix returns the part of a pattern before the first element with a wildcard.
func literalPrefix(pattern string) string {
	at := "/"
	for _, elem := range strings.Split(strings.Trim(path.Clean(pattern), "/"), "/") {
		if strings.ContainsAny(elem, `*?[\`) {
			break
		}
		at = path.Join(at, elem)
	}
	return at
}
