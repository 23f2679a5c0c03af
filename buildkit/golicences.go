package buildkit

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
	"unicode"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// licenceName are the names of files with conditions in them: those that "go mod vendor"
// copies (https://go.dev/src/cmd/go/internal/modcmd/vendor.go, metaPrefixes), and two
// more, in any case; and not those of source code.
var (
	licenceName = regexp.MustCompile(`(?i)^(AUTHORS|CONTRIBUTORS|COPYLEFT|COPYING|COPYRIGHT|LEGAL|LICEN[CS]E|NOTICE|PATENTS|UNLICEN[CS]E)`)
	sourceName  = regexp.MustCompile(`(?i)\.(go|s|c|h|cc|cpp|hpp|py|sh|js|ts|json|ya?ml|toml|xml|proto|tmpl|tpl|mod|sum|svg|bats)$`)
)

// goLicences collects the licences of the Go modules that the program was compiled
// from, and that of Go, whose standard library is in it.
func (b *Built) goLicences(ctx context.Context) error {
	info := b.buildInfo()
	if !b.Plan.Supply.Licences || info == nil {
		return nil
	}
	to := path.Join(plan.DocFolder, b.Plan.Name, "licenses")
	var without []string
	modules, err := b.licensed(ctx, info)
	if err != nil {
		return err
	}
	for _, m := range modules {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		found, err := b.takeLicences(m, path.Join(to, m.name))
		if err != nil {
			return fmt.Errorf("adding the licence of %s: %w", m.name, err)
		}
		if !found {
			without = append(without, m.name)
		}
	}
	if len(without) > 0 {
		b.note("licences", plaintext.Sprintf("warning: no text of a licence is there of %s\nfix: add the texts by Files", strings.Join(without, ", ")))
	}
	return nil
}

// licensedModule is a module with the folder of its source.
type licensedModule struct {
	name  string // "github.com/acme/x@v1.2.3"
	fsys  fs.FS  // its folder; nil is nowhere
	dir   string // of this machine, "" in the builder
	whole bool   // licences may be in any folder
	fixed bool   // the folder does not change
}

// licensed are all that the program was compiled from, but for the user's own module.
func (b *Built) licensed(ctx context.Context, info *debug.BuildInfo) ([]licensedModule, error) {
	list := []licensedModule{{name: strings.Replace(info.GoVersion, "go", "go@", 1), dir: b.Plan.Files.GOROOT, fixed: true}}
	if !fs.ValidPath(list[0].name) {
		return nil, fmt.Errorf("looking for licences: the program says that Go %q has compiled it, which is no version\nfix: set Licenses to false, or compile the program elsewhere", info.GoVersion)
	}
	if b.Plan.Builder != nil {
		root, err := b.Plan.Builder.GOROOT(ctx, b.Plan.Inside.GOROOT)
		if err != nil {
			return nil, err
		}
		list[0].dir, list[0].fsys = "", root
	}
	mods := info.Deps
	if versioned(&info.Main) {
		mods = append([]*debug.Module{&info.Main}, mods...)
	}
	for _, m := range mods {
		from := m
		if m.Replace != nil {
			from = m.Replace
		}
		if !fs.ValidPath(m.Path) || versioned(from) && !fs.ValidPath(from.Path+"@"+from.Version) {
			return nil, fmt.Errorf("looking for licences: the program names a module %q (%q), which is no name of one\nfix: set Licenses to false, or compile the program elsewhere", m.Path, from.Path+"@"+from.Version)
		}
		l := licensedModule{name: m.Path, dir: b.moduleDir(m.Path, from), whole: true}
		l.fixed = fsx.Within(b.Plan.Module.Cache, l.dir)
		if versioned(from) {
			l.name = from.Path + "@" + from.Version
		}
		if b.Plan.Builder != nil && !versioned(from) && !b.Plan.Builder.Sees(l.dir) {
			l.dir = "" // the program says so, and the go command there had no such folder
		} else if _, err := os.Stat(l.dir); b.Plan.Builder != nil && versioned(from) && (err != nil || l.fixed && !b.Plan.Builder.Sums(from)) {
			l.dir = ""
			if l.fsys, err = b.moduleInBuilder(ctx, from); err != nil {
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

// versioned tells whether a module has a version, by which everyone can have it.
func versioned(m *debug.Module) bool {
	return m.Version != "" && m.Version != "(devel)" && !strings.Contains(m.Version, "+dirty")
}

// moduleDir is where the source of a module is: in the vendor folder, in the module cache
// (https://go.dev/ref/mod#module-cache), or where a replace directive says.
func (b *Built) moduleDir(name string, from *debug.Module) string {
	vendored := filepath.Join(b.Plan.Root, "vendor", filepath.FromSlash(name))
	if _, err := os.Stat(vendored); err == nil {
		return vendored
	}
	if versioned(from) {
		return filepath.Join(b.Plan.Module.Cache, filepath.FromSlash(escapeModule(from.Path)+"@"+escapeModule(from.Version)))
	}
	if filepath.IsAbs(from.Path) {
		return from.Path
	}
	return filepath.Join(b.Plan.Root, filepath.FromSlash(from.Path))
}

// moduleInBuilder is a module that the builder has downloaded, and this machine has not; nil
// is one that is not there either.
func (b *Built) moduleInBuilder(ctx context.Context, from *debug.Module) (fs.FS, error) {
	below := escapeModule(from.Path) + "@" + escapeModule(from.Version)
	sys, err := b.Plan.Builder.Downloaded(ctx, below)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return sys, err
}

// escapeModule is a name as the module cache has it, for file systems that do not tell
// capitals from small letters (https://go.dev/ref/mod#goproxy-protocol).
func escapeModule(name string) string {
	var out strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			out.WriteByte('!')
			r = unicode.ToLower(r)
		}
		out.WriteRune(r)
	}
	return out.String()
}

// takeLicences adds the licences in a module's folder, below a folder of the image.
func (b *Built) takeLicences(m licensedModule, to string) (found bool, err error) {
	if m.fsys == nil {
		return false, nil
	}
	err = fs.WalkDir(m.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && name == "." && errors.Is(err, fs.ErrNotExist):
			b.readsOf(m, name)
			return nil // of a program that was compiled elsewhere
		case err != nil:
			return err
		case d.IsDir() && name != "." && (!m.whole || !partOfModule(m.fsys, name)):
			return fs.SkipDir
		case d.IsDir() && !m.fixed:
			b.readsOf(m, name) // a licence may appear in it
			return nil
		case !d.Type().IsRegular() || !licenceName.MatchString(d.Name()) || sourceName.MatchString(d.Name()):
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxCopyright {
			return err
		}
		content, err := fs.ReadFile(m.fsys, name)
		if err != nil || bytes.IndexByte(content, 0) >= 0 { // a picture of one
			return err
		}
		if err := b.holdText(content); err != nil {
			return err
		}
		found = true
		b.readsOf(m, name)
		b.texts = append(b.texts, rootfs.Entry{
			Path: path.Join(to, name), Mode: 0o644, Layer: rootfs.Files,
			Reason: "licence of " + m.name, For: b.Plan.Program(), Source: rootfs.Bytes(content),
		})
		return nil
	})
	return found, err
}

// Bounds of the texts of licences of one image, which are held in memory: large programs have a few megabytes.
const (
	maxTexts = 256 << 20 // bytes
	perText  = 1 << 10   // bytes that a text takes at least, with its name
)

// holdText counts a text of a licence that is held until the image is written.
func (b *Built) holdText(content []byte) error {
	b.held += perText + int64(len(content))
	if b.held > maxTexts {
		return fmt.Errorf("the texts of licences have more than %d bytes\nfix: set Licenses to false, and add the texts by Files", maxTexts)
	}
	return nil
}

// readsOf notes a file or folder of a module, unless it is in the builder, where it does not change.
func (b *Built) readsOf(m licensedModule, name string) {
	if m.dir != "" {
		b.reads.Add(filepath.Join(m.dir, filepath.FromSlash(name)))
	}
}

// partOfModule tells whether a folder belongs to the module that it is in, and may be
// compiled (https://pkg.go.dev/cmd/go#hdr-Package_lists_and_patterns).
func partOfModule(module fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return false
	}
	_, err := fs.Stat(module, path.Join(dir, "go.mod"))
	return err != nil
}
