package plugins

import (
	"path"
	"regexp"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// maxOfPackage is the maximum number of plugins of one package in the package rule. No library package of
// Debian that the registry lacks has nearly as many; a package with more is an application with its parts.
const maxOfPackage = 100

// applyPackages adds the plugins of libraries that the registry lacks: shared objects from the same package
// of the distribution, in folders below the library's own.
func (d *discovery) applyPackages() error {
	libraries := d.libraries()
	if len(libraries) == 0 || d.Groups != nil && len(d.Groups) == 0 {
		return nil
	}
	db := d.Packages
	if db == nil {
		var err error
		if db, err = packages.Open(d.sys.sys); err != nil {
			// The program can run without them, so this is no error.
			d.found.addCandidate(Candidate{
				Name: "packages", Of: d.closure.Program().Path,
				Why: plaintext.Sprintf("plugins of libraries that only the sysroot's package database knows are missing: %v", err),
			})
			return nil
		}
		d.Packages = db
	}
	known := d.knownPackages()
	for _, o := range libraries {
		p, ok := db.Owner(o.Real)
		if ok && !known[p] {
			known[p] = true // its other libraries give the same files
			d.addPackage(o, p, db.Files(p))
		}
	}
	return nil
}

// knownPackages returns the packages with a library in the registry. Everything that a row leaves out of
// such a package is left out on purpose.
func (d *discovery) knownPackages() map[packages.Package]bool {
	known := map[packages.Package]bool{}
	for _, m := range d.matches {
		if p, ok := d.Packages.Owner(m.object.Real); ok {
			known[p] = true
		}
	}
	return known
}

// addPackage adds the plugins in a package's list of files.
func (d *discovery) addPackage(o *ldd.Object, p packages.Package, files []string) {
	var names []string
	for _, name := range files {
		if d.isPluginOf(o, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 || !d.selectFound(p.Name) {
		return
	}
	if len(names) > maxOfPackage {
		d.found.addCandidate(Candidate{
			Name: p.Name, Path: path.Dir(names[0]), Of: o.Path,
			Why: plaintext.Sprintf("package %s has %d shared objects below the library's folder, too many to be plugins: add those that are to the libraries", p.Name, len(names)),
		})
		return
	}
	for _, name := range names {
		if !d.isHidden(name) {
			d.found.addPlugin(Plugin{
				Path: name, Group: p.Name, Of: o.Path,
				Why: plaintext.Sprintf("below the folder of %s and from the same package (%s)", o.Path, p.Name),
			})
		}
	}
}

// sharedObject matches the file names of shared objects.
var sharedObject = regexp.MustCompile(`\.so(\.[0-9]+)*$`)

// isPluginOf reports whether a file of a library's package is a plugin. A library in the same folder is
// not, and neither is one that is loaded at the start anyway.
func (d *discovery) isPluginOf(o *ldd.Object, name string) bool {
	dir := path.Dir(o.Real)
	rest, below := strings.CutPrefix(name, strings.TrimSuffix(dir, "/")+"/")
	if !below || !strings.Contains(rest, "/") || !sharedObject.MatchString(rest) {
		return false
	}
	if strings.HasPrefix(rest, "debug/") || strings.Contains(rest, "/debug/") || strings.Contains(rest, ".debug/") {
		return false // symbols for debuggers
	}
	real := d.sys.follow(name)
	for _, have := range d.libraries() {
		if have.Real == real && have.Opened == "" {
			return false
		}
	}
	return d.sys.isShared(name)
}
