package plugins

import (
	"path"
	"regexp"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// maxOfPackage is how many plugins of one package the package rule takes. Of the packages that the
// registry does not know, none of Debian's comes near; what has more is no library with plugins but an
// application with its parts.
const maxOfPackage = 100

// applyPackages takes the plugins of libraries that the registry does not know: shared objects in folders
// below the library's own that the same package of the distribution has.
func (d *discovery) applyPackages() error {
	libraries := d.libraries()
	if len(libraries) == 0 || d.Groups != nil && len(d.Groups) == 0 {
		return nil
	}
	db := d.Packages
	if db == nil {
		var err error
		if db, err = packages.Open(d.sys.sys); err != nil {
			// A program runs without, and so may an image.
			d.found.addCandidate(Candidate{
				Name: "packages", Of: d.closure.Program().Path,
				Why: plaintext.Sprintf("plugins of libraries that only the sysroot's packages tell are not known: %v", err),
			})
			return nil
		}
		d.Packages = db
	}
	known := d.knownPackages()
	for _, o := range libraries {
		p, ok := db.Owner(o.Real)
		if ok && !known[p] {
			known[p] = true // its other libraries have the same files
			d.takePackage(o, p, db.Files(p))
		}
	}
	return nil
}

// knownPackages are those of which a row of the registry knows a library. What the row does not take is
// left for a reason.
func (d *discovery) knownPackages() map[packages.Package]bool {
	known := map[packages.Package]bool{}
	for _, m := range d.matches {
		if p, ok := d.Packages.Owner(m.object.Real); ok {
			known[p] = true
		}
	}
	return known
}

// takePackage adds the plugins in a package's list of files.
func (d *discovery) takePackage(o *ldd.Object, p packages.Package, files []string) {
	var names []string
	for _, name := range files {
		if d.isPluginOf(o, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 || !d.takes(p.Name) {
		return
	}
	if len(names) > maxOfPackage {
		d.found.addCandidate(Candidate{
			Name: p.Name, Path: path.Dir(names[0]), Of: o.Path,
			Why: plaintext.Sprintf("package %s has %d shared objects below the library's folder, too many to be taken for plugins: list those that are", p.Name, len(names)),
		})
		return
	}
	for _, name := range names {
		if !d.leftOut(name) {
			d.found.addPlugin(Plugin{
				Path: name, Group: p.Name, Of: o.Path,
				Why: plaintext.Sprintf("below the folder of %s and of the same package (%s)", o.Path, p.Name),
			})
		}
	}
}

// sharedObject is what the names of shared objects look like.
var sharedObject = regexp.MustCompile(`\.so(\.[0-9]+)*$`)

// isPluginOf says whether a file of a library's package is a plugin. A library beside the first one is
// none, and neither is one that is loaded at the start anyway.
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
