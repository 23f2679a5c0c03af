package dockerfilespec

import (
	"context"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/packagedb"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// addLibraries copies what comes from the sysroot: a command for each reason, in the order of the paths.
func (w *writing) addLibraries(loaded, opened, scanners *section) {
	var reasons []string
	paths := map[string][]string{}
	note := func(reason, name string) {
		if paths[reason] == nil {
			reasons = append(reasons, reason)
		}
		paths[reason] = append(paths[reason], name)
	}
	for _, dir := range w.wholeFolders() {
		note(w.inImage(w.reasonOf(dir)), dir)
	}
	for _, e := range w.Tree.Entries() {
		if _, ok := e.Source.Sysroot(); ok && e.Layer == rootfs.System && !w.inWhole(e.Path) {
			note(w.inImage(e.Reason), e.Path)
		}
	}
	later := w.openedReasons()
	for _, reason := range reasons {
		to, words := loaded, "cp --parents -t %s%s"
		if later[reason] {
			to = opened
		}
		if reason == packagedb.DistroReason {
			to = scanners
		}
		if slices.ContainsFunc(paths[reason], func(p string) bool { e, _ := w.Tree.Lookup(p); return e.Mode.IsDir() }) {
			words = "cp --parents -rP -t %s%s"
		}
		to.add(reason, words, stageRoot, lines(paths[reason]))
	}
	if w.Libraries.Loader != "" {
		// Of the modes only x counts, as in every image of ours.
		loaded.add("", "chmod 0755 %s", dockerfile.Shell(stageRoot+w.realLoader()))
	}
}

// reasonOf is why a folder is there: of one that nobody asked for, why the first file in it is.
func (w *writing) reasonOf(dir string) string {
	for _, e := range w.Tree.Entries() {
		if e.Path == dir && e.For != "" || strings.HasPrefix(e.Path, dir+"/") && e.Mode.IsRegular() {
			return e.Reason
		}
	}
	return "data"
}

// lines are words of a command, on its line or on lines of their own.
func lines(words []string) string {
	if len(words) == 1 {
		return " " + dockerfile.Shell(words[0])
	}
	var b strings.Builder
	for _, word := range words {
		b.WriteString(" \\\n      " + dockerfile.Shell(word))
	}
	return b.String()
}

// realLoader returns the path of the loader without links.
func (w *writing) realLoader() string {
	loader := w.Libraries.Loader
	for _, o := range w.Libraries.Objects {
		if o.Path == loader {
			return o.Real
		}
	}
	return loader
}

// openedReasons are the reasons of what is opened while the program runs.
func (w *writing) openedReasons() map[string]bool {
	reasons := map[string]bool{}
	for _, o := range w.Libraries.Opened {
		reasons[o.Why] = true
	}
	reasons["configured at "+w.Plan.Origin] = true
	return reasons
}

// libraryFolders are the folders that the loader finds libraries in.
func (w *writing) libraryFolders() []string {
	var dirs []string
	for _, loaded := range w.Libraries.Loaded() {
		dirs = append(dirs, path.Dir(loaded))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// wholeFolders are folders of the sysroot that the image has with all that is in them: they are copied as one.
func (w *writing) wholeFolders() []string {
	if w.whole != nil {
		return w.whole
	}
	w.whole = []string{}
	children := map[string]int{}
	for _, e := range w.Tree.Entries() {
		children[path.Dir(e.Path)]++
	}
	for _, e := range w.Tree.Entries() {
		if e.Mode.IsDir() && e.Layer == rootfs.System && !w.inWhole(e.Path) && children[e.Path] > 1 && w.isWhole(e.Path, children) {
			w.whole = append(w.whole, e.Path)
		}
	}
	return w.whole
}

// inWhole tells whether a path lies in such a folder, or is one.
func (w *writing) inWhole(name string) bool {
	return slices.ContainsFunc(w.wholeFolders(), func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") })
}

// isWhole compares a folder of the machine that compiles with that of the tree.
func (w *writing) isWhole(dir string, children map[string]int) bool {
	machine := w.Plan.Machine("/")
	real, _, err := ldd.Follow(machine, dir)
	if err != nil {
		return false
	}
	list, err := fs.ReadDir(machine, strings.TrimPrefix(real, "/"))
	if err != nil || len(list) == 0 || len(list) != children[dir] {
		return false
	}
	for _, d := range list {
		e, ok := w.Tree.Lookup(path.Join(dir, d.Name()))
		if !ok || e.Mode.Type() != d.Type() {
			return false
		}
		switch e.Mode.Type() {
		case fs.ModeDir:
			if !e.IsPlainFolder() || !w.isWhole(e.Path, children) {
				return false
			}
		case 0:
			info, err := d.Info()
			if _, ok := e.Source.Sysroot(); !ok || err != nil || info.Mode().Perm() != e.Mode.Perm() {
				return false
			}
		}
	}
	return true
}

// compilerPackages are in every image of Go's compiler, or come with what is, and their names change with the release.
var compilerPackages = regexp.MustCompile(`^(base-files|gcc(-[0-9]+)?(-base)?|g\+\+(-[0-9]+)?|libc6(-dev)?|libc-bin|libgcc-s1|libgcc-[0-9]+-dev|libstdc\+\+6|libstdc\+\+-[0-9]+-dev|linux-libc-dev|make|pkgconf|pkg-config|ca-certificates|netbase)$`)

// packages are what the stages need and the compiler's image may not have.
func (w *writing) packages(ctx context.Context) error {
	add := func(p dockerfile.Package) {
		if !compilerPackages.MatchString(p.Name) && !slices.ContainsFunc(w.spec.Packages, func(o dockerfile.Package) bool { return o.Name == p.Name }) {
			w.spec.Packages = append(w.spec.Packages, p)
		}
	}
	for _, e := range w.Tree.Entries() {
		if e.Layer == rootfs.System && strings.HasPrefix(e.Path, rootfs.ZoneFolder+"/") {
			add(dockerfile.Package{Name: "tzdata", Why: "the time zones"})
		}
		if name := debianFiles[e.Path]; name != "" {
			add(dockerfile.Package{Name: name, Why: e.Path})
		}
	}
	if w.Plan.Capabilities() != 0 {
		add(dockerfile.Package{Name: "libcap2-bin", Why: "setcap, for the Capabilities"})
	}
	if err := w.libraryPackages(ctx, add); err != nil {
		return err
	}
	slices.SortFunc(w.spec.Packages, func(a, b dockerfile.Package) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// libraryPackages are those that the program is compiled with, and those of what is opened while it runs. What they
// depend on comes with them.
func (w *writing) libraryPackages(ctx context.Context, add func(dockerfile.Package)) error {
	cc, loaded := w.Program.Compiler.CC, w.Libraries.Objects[1:]
	if cc == "" && w.Libraries.IsEmpty() && len(w.Libraries.Opened) == 0 {
		return nil
	}
	if all, err := w.Owners().Unread(); all {
		return fmt.Errorf("looking for the packages of the libraries: %w", err)
	}
	owned := func(name, why string) bool {
		p, ok := w.Owners().InSysroot(strings.TrimPrefix(name, "/"))
		if ok {
			add(dockerfile.Package{Name: p.Name, Version: p.Version, Why: why})
		}
		return ok
	}
	if words := strings.Fields(cc); len(words) > 0 {
		cc, err := w.command(ctx, words[0])
		if err != nil {
			return err
		}
		if cc != "" && !slices.Contains([]string{"gcc", "cc"}, filepath.Base(cc)) {
			owned(cc, "the C compiler")
		}
	}
	for _, o := range loaded {
		known := true
		switch {
		case o.Opened == "" && o.NeededBy == 0:
			if !w.ownedForCompiling(o, owned) {
				known = owned(o.Real, o.Name)
			}
		case o.Opened == o.Name:
			known = owned(o.Real, "opened as "+o.Name)
		default:
			_, known = w.Owners().InSysroot(strings.TrimPrefix(o.Real, "/"))
		}
		if !known {
			w.remark("%s belongs to no package of Debian: GO_IMAGE has to have it in that place.", o.Real)
		}
	}
	for _, x := range w.Libraries.Executables {
		for _, name := range x.Loaded {
			if real, _, err := ldd.Follow(w.sysroot(), name); err == nil {
				owned(real, "needed by "+x.Path)
			}
		}
	}
	for _, o := range w.Libraries.Opened {
		if o.Data {
			owned(o.Path, o.Why)
		}
	}
	return nil
}

// command is where the machine that compiles has a command, "" for nowhere.
func (w *writing) command(ctx context.Context, name string) (string, error) {
	if w.Plan.Builder != nil {
		return w.Plan.Builder.Look(ctx, w.Plan.Go.Env, name)
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", nil
	}
	return found, nil
}

// ownedForCompiling adds the package that has the name by which a linker finds a library, and its headers with it.
func (w *writing) ownedForCompiling(o libraries.Object, owned func(name, why string) bool) bool {
	i := strings.Index(o.Name, ".so")
	if i < 0 || w.Program.Compiler.CC == "" {
		return false
	}
	for _, dir := range []string{path.Dir(o.Real), path.Dir(o.Path), "/usr" + path.Dir(o.Path)} {
		name := path.Join(dir, o.Name[:i]+".so")
		if _, _, err := ldd.Follow(w.Plan.Machine("/"), name); err == nil && owned(name, "headers and "+o.Name) {
			return true
		}
	}
	return false
}
