package licences

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	xmodule "golang.org/x/mod/module"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// licenceName matches the names of files with the text of a licence, in upper or lower case. It has the names that "go mod vendor" copies
// (https://go.dev/src/cmd/go/internal/modcmd/vendor.go, metaPrefixes), and two more. sourceName matches the names of source files.
var (
	licenceName = regexp.MustCompile(`(?i)^(AUTHORS|CONTRIBUTORS|COPYLEFT|COPYING|COPYRIGHT|LEGAL|LICEN[CS]E|NOTICE|PATENTS|UNLICEN[CS]E)`)
	sourceName  = regexp.MustCompile(`(?i)\.(go|s|c|h|cc|cpp|hpp|py|sh|js|ts|json|ya?ml|toml|xml|proto|tmpl|tpl|mod|sum|svg|bats)$`)
)

// OfModules returns the licences of the Go modules that a program was compiled from, and that of Go, whose standard library is in the
// program. It leaves out the user's own module. Without build information there are none.
func OfModules(ctx context.Context, p plan.Image, info *debug.BuildInfo) (Texts, error) {
	var texts Texts
	if info == nil {
		return texts, nil
	}
	modules, err := licensed(ctx, p, info)
	if err != nil {
		return texts, err
	}
	var without []string
	for _, m := range modules {
		if err := context.Cause(ctx); err != nil {
			return texts, err
		}
		template := rootfs.Entry{
			Path: path.Join(plan.DocFolder, p.Name, "licenses", m.name), Mode: 0o644, Layer: rootfs.Files,
			Reason: "licence of " + m.name, For: p.Program(),
		}
		found, err := texts.addModule(m, template)
		if err != nil {
			return texts, fmt.Errorf("adding the licence of %s: %w", m.name, err)
		}
		if !found {
			without = append(without, m.name)
		}
	}
	if len(without) > 0 {
		texts.Notes = []string{plaintext.Sprintf("warning: no text of a licence is there of %s\nfix: add the texts by Files", strings.Join(without, ", "))}
	}
	return texts, nil
}

// module is a Go module with the folder of its source.
type module struct {
	name  string // "github.com/acme/x@v1.2.3"
	fsys  fs.FS  // the folder; nil if it is missing
	dir   string // the folder on this machine; "" if it is in the builder
	whole bool   // licences may be in any folder below
	fixed bool   // the folder does not change
}

// licensed returns Go and the modules that the program was compiled from, except the user's own module. The program may come from a
// builder: the names in it are not trusted.
func licensed(ctx context.Context, p plan.Image, info *debug.BuildInfo) ([]module, error) {
	list := []module{{name: strings.Replace(info.GoVersion, "go", "go@", 1), dir: p.Files.GOROOT, fixed: true}}
	if !fs.ValidPath(list[0].name) {
		return nil, fmt.Errorf("looking for licences: the program says that Go %q has compiled it, which is no version\nfix: set Licenses to false, or compile the program elsewhere", info.GoVersion)
	}
	if p.Builder != nil {
		root, err := p.Builder.GOROOT(ctx, p.Inside.GOROOT)
		if err != nil {
			return nil, err
		}
		list[0].dir, list[0].fsys = "", root
	}
	mods := info.Deps
	if gobuild.Versioned(&info.Main) {
		mods = append([]*debug.Module{&info.Main}, mods...)
	}
	for _, m := range mods {
		from := m
		if m.Replace != nil {
			from = m.Replace
		}
		if !fs.ValidPath(m.Path) || gobuild.Versioned(from) && !fs.ValidPath(from.Path+"@"+from.Version) {
			return nil, fmt.Errorf("looking for licences: the program names a module %q (%q), which is no name of one\nfix: set Licenses to false, or compile the program elsewhere", m.Path, from.Path+"@"+from.Version)
		}
		l := module{name: m.Path, dir: moduleDir(p, m.Path, from), whole: true}
		l.fixed = fsx.Within(p.Module.Cache, l.dir)
		if gobuild.Versioned(from) {
			l.name = from.Path + "@" + from.Version
		}
		if p.Builder != nil && !gobuild.Versioned(from) && !p.Builder.Sees(l.dir) {
			l.dir = "" // the go command there had no such folder, whatever the program says
		} else if _, err := os.Stat(l.dir); p.Builder != nil && gobuild.Versioned(from) && (err != nil || l.fixed && !p.Builder.Sums(from)) {
			l.dir = ""
			if l.fsys, err = moduleInBuilder(ctx, p, from); err != nil {
				return nil, fmt.Errorf("looking for the licence of %s: %w", l.name, err)
			}
		}
		list = append(list, l)
	}
	for i, l := range list {
		if l.dir != "" {
			list[i].fsys = os.DirFS(l.dir)
		}
	}
	return list, nil
}

// moduleDir returns the folder with the source of a module: in the vendor folder, in the module cache
// (https://go.dev/ref/mod#module-cache), or the one of a replace directive.
func moduleDir(p plan.Image, name string, from *debug.Module) string {
	vendored := filepath.Join(p.Root, "vendor", filepath.FromSlash(name))
	if _, err := os.Stat(vendored); err == nil {
		return vendored
	}
	if gobuild.Versioned(from) {
		if below, err := inModuleCache(from); err == nil {
			return filepath.Join(p.Module.Cache, filepath.FromSlash(below))
		}
		return ""
	}
	if filepath.IsAbs(from.Path) {
		return from.Path
	}
	return filepath.Join(p.Root, filepath.FromSlash(from.Path))
}

// moduleInBuilder returns a module that the builder has downloaded and this machine has not. It is nil if the builder lacks it too.
func moduleInBuilder(ctx context.Context, p plan.Image, from *debug.Module) (fs.FS, error) {
	below, err := inModuleCache(from)
	if err != nil {
		return nil, nil
	}
	sys, err := p.Builder.Downloaded(ctx, below)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return sys, err
}

// inModuleCache returns the path of a module's folder below the module cache (https://go.dev/ref/mod#module-cache), or an error
// if no module there can have that path or version.
func inModuleCache(m *debug.Module) (string, error) {
	escaped, err := xmodule.EscapePath(m.Path)
	if err != nil {
		return "", err
	}
	version, err := xmodule.EscapeVersion(m.Version)
	return escaped + "@" + version, err
}

// addModule adds the licences in a module's folder. template is the entry of a text without its content; its path is the folder for
// the texts.
func (t *Texts) addModule(m module, template rootfs.Entry) (found bool, err error) {
	if m.fsys == nil {
		return false, nil
	}
	err = fs.WalkDir(m.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && name == "." && errors.Is(err, fs.ErrNotExist):
			t.read(m, name)
			return nil // the program was compiled elsewhere
		case err != nil:
			return err
		case d.IsDir() && name != "." && (!m.whole || !partOfModule(m.fsys, name)):
			return fs.SkipDir
		case d.IsDir() && !m.fixed:
			t.read(m, name) // a licence may appear in it
			return nil
		case !d.Type().IsRegular() || !licenceName.MatchString(d.Name()) || sourceName.MatchString(d.Name()):
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Size() > owners.MaxText {
			return err
		}
		content, err := fs.ReadFile(m.fsys, name)
		if err != nil || bytes.IndexByte(content, 0) >= 0 { // a picture of one
			return err
		}
		found = true
		t.read(m, name)
		e := template
		e.Path, e.Source = path.Join(e.Path, name), rootfs.Bytes(content)
		return t.add(e, content)
	})
	return found, err
}

// read notes a file or folder of a module, unless it is in the builder, where it does not change.
func (t *Texts) read(m module, name string) {
	if m.dir != "" {
		t.Reads = append(t.Reads, filepath.Join(m.dir, filepath.FromSlash(name)))
	}
}

// partOfModule reports whether a folder is part of the module around it and may be compiled
// (https://pkg.go.dev/cmd/go#hdr-Package_lists_and_patterns).
func partOfModule(module fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return false
	}
	_, err := fs.Stat(module, path.Join(dir, "go.mod"))
	return err != nil
}
