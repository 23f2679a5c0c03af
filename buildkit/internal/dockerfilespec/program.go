package dockerfilespec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// suite is the Debian release of the compiler's image when the program needs no particular one.
const suite = "bookworm"

// oldestGo has images on that release, and a go.mod whose version is that of the compiler
// (https://go.dev/doc/toolchain).
const (
	oldestGo    = "1.21"
	oldestMinor = 21
)

// compiler chooses the image that compiles: the version that go.mod or go.work names, and for libraries the release
// that they were found in.
func (w *writing) compiler(context.Context) error {
	file := cmp.Or(w.Plan.Module.Workspace, w.Plan.Module.GoMod)
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the version of Go: %w", err)
	}
	w.spec.GoVersion, w.spec.Suite = goVersion(string(content)), suite
	if w.Libraries.IsEmpty() {
		return nil
	}
	w.spec.Platform = w.Plan.Platform.String()
	release, err := readFollowed(w.sysroot(), "/etc/os-release")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading which distribution the libraries are of: %w", err)
	}
	words := osRelease(string(release))
	if words["ID"] != "debian" || words["VERSION_CODENAME"] == "" {
		return w.unsaid("Cgo", fmt.Sprintf("the program's libraries are those of %s, and the images of Go's compiler that a Dockerfile can begin with are of Debian", cmp.Or(words["PRETTY_NAME"], "this machine")),
			"run imageDockerfile on Debian, set Build.Cgo to \"off\", or build the image with the target image")
	}
	w.spec.Suite = words["VERSION_CODENAME"]
	return nil
}

var (
	goLine        = regexp.MustCompile(`(?m)^go[ \t]+([0-9][0-9a-z.]*)`)
	toolchainLine = regexp.MustCompile(`(?m)^toolchain[ \t]+go([0-9][0-9a-z.]*)`)
	toolLine      = regexp.MustCompile(`(?m)^tool\b`)
	majorMinor    = regexp.MustCompile(`^1\.([0-9]+)`)
)

// goVersion is the version that a go.mod or go.work file wants to be compiled with
// (https://go.dev/ref/mod#go-mod-file-toolchain).
func goVersion(file string) string {
	version := oldestGo
	for _, line := range []*regexp.Regexp{goLine, toolchainLine} {
		m := line.FindStringSubmatch(file)
		if m == nil {
			continue
		}
		minor := majorMinor.FindStringSubmatch(m[1])
		if minor == nil {
			version = m[1] // Go 2 has images too
		} else if n, err := strconv.Atoi(minor[1]); err == nil && n >= oldestMinor {
			version = m[1]
		}
	}
	return version
}

// maxRelease bounds os-release(5), in bytes: it has a few hundred.
const maxRelease = 1 << 20

// readFollowed reads a file at the end of the links that lead to it.
func readFollowed(sys ldd.FS, name string) ([]byte, error) {
	real, _, err := ldd.Follow(sys, name)
	if err != nil {
		return nil, err
	}
	name = strings.TrimPrefix(real, "/")
	info, err := sys.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRelease {
		return nil, fmt.Errorf("%q has %d bytes, more than %d", real, info.Size(), maxRelease)
	}
	return fs.ReadFile(sys, name)
}

// osRelease reads os-release(5).
func osRelease(content string) map[string]string {
	words := map[string]string{}
	for _, line := range strings.Split(content, "\n") {
		if key, value, ok := strings.Cut(line, "="); ok {
			words[key] = strings.Trim(value, `"'`)
		}
	}
	return words
}

// program says how the program is compiled.
func (w *writing) program(ctx context.Context) error {
	p := w.Plan
	if p.Binary != "" {
		rel, ok := w.inContext(p.Binary)
		if !ok {
			return w.unsaid("Binary", fmt.Sprintf("%q is outside of %q, which is all that a build of a Dockerfile sees", p.Binary, w.context), "have it built to a place below that folder")
		}
		w.spec.Program = dockerfile.Program{Path: p.Program(), Built: rel}
		return nil
	}
	line, err := p.Go.CommandLine(ctx, p.Request())
	if err != nil {
		return err
	}
	for _, kv := range line.Env {
		if key, _, _ := strings.Cut(kv, "="); plaintext.HideLogins(kv) != kv { // the file is for everybody who has the sources
			return w.unsaid("Build.Env", "the address in "+key+" has a login, which does not belong into a Dockerfile",
				"leave the login out of the address and put it into a netrc, name the host in GOPRIVATE, and build with --secret id=netrc,src=$HOME/.netrc")
		}
	}
	dir, ok := w.inContext(p.Root)
	if !ok {
		return &report.ConfigError{Err: fmt.Errorf("the module %q is outside of the workspace's folder %q\nfix: set GOWORK=off, or move go.work above the module", p.Root, w.context)}
	}
	w.spec.Program = dockerfile.Program{
		Path: p.Program(), Dir: dir, Env: line.Env, Args: line.Args, Private: line.Private, Package: p.Main.ImportPath,
	}
	if rel, err := filepath.Rel(p.Root, p.Main.Dir); err == nil && filepath.IsLocal(rel) {
		w.spec.Program.Package = "./" + strings.TrimPrefix(filepath.ToSlash(rel), ".")
	}
	if w.spec.Program.Package == "./" {
		w.spec.Program.Package = "."
	}
	return nil
}

// sources says which files of the context the program is compiled from.
func (w *writing) sources(context.Context) error {
	if w.Plan.Binary != "" {
		w.spec.Ignore.Paths = append(w.spec.Ignore.Paths, w.spec.Program.Built)
		return nil
	}
	folders, err := w.folders()
	if err != nil {
		return err
	}
	outside, err := w.moduleFiles()
	if err != nil {
		return err
	}
	w.downloads(outside)
	trees := w.trees()
	w.spec.Ignore.Go = goPatterns(w.context, folders)
	w.spec.Ignore.Others = w.others(folders)
	for _, p := range slices.Concat(trees, isHidden(folders)) {
		if !slices.Contains(w.spec.Program.ModuleFiles, p) {
			w.spec.Ignore.Paths = append(w.spec.Ignore.Paths, p)
		}
	}
	w.spec.Program.Sources = []string{"."}
	if len(w.Plan.Files.Files)+len(w.Plan.Files.Certificates.Extra) > 0 && !slices.Contains(folders, ".") {
		// The program is not compiled again when a file changes that only the image has.
		w.spec.Program.Sources = tops(slices.Concat(folders, trees))
	}
	return nil
}

// folders are those of the program's packages, but for the vendored ones.
func (w *writing) folders() ([]string, error) {
	var folders []string
	for _, dir := range w.Plan.Main.Sources.Folders {
		rel, ok := w.inContext(dir)
		if !ok {
			return nil, &report.ConfigError{Err: fmt.Errorf("the packages in %q are outside of %q, which is all that a build of a Dockerfile sees: a replace of go.mod or a use of go.work leads there\n"+
				"fix: go mod vendor, or move them below that folder, or build the image with the target image", dir, w.context)}
		}
		if vendor, ok := vendorOf(rel); ok {
			w.spec.Program.Vendor = vendor
			continue
		}
		folders = append(folders, rel)
	}
	if w.spec.Program.Vendor != "" {
		w.spec.Ignore.Paths = append(w.spec.Ignore.Paths, w.spec.Program.Vendor)
	}
	return folders, nil
}

// vendorOf is the vendor folder that a package lies in, if it does.
func vendorOf(rel string) (string, bool) {
	words := strings.Split(rel, "/")
	if i := slices.Index(words, "vendor"); i >= 0 && i < len(words)-1 {
		return path.Join(words[:i+1]...), true
	}
	return "", false
}

// moduleFiles are go.mod and what goes with it. outside says that one of them is not in the context.
func (w *writing) moduleFiles() (outside bool, err error) {
	var files []string
	for _, name := range w.Plan.Main.Sources.Files {
		switch filepath.Base(name) {
		case "go.mod", "go.sum", "go.work", "go.work.sum":
		default:
			continue
		}
		rel, ok := w.inContext(name)
		if !ok {
			outside = true
			continue
		}
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return false, fmt.Errorf("looking for the files of the module: %w", err)
		}
		files = append(files, rel)
	}
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(strings.Count(a, "/")-strings.Count(b, "/"), strings.Compare(a, b))
	})
	w.spec.Program.ModuleFiles = files
	if outside && w.Plan.Module.Workspace != "" {
		return true, &report.ConfigError{Err: fmt.Errorf("a module of the workspace %q is outside of its folder, which is all that a build of a Dockerfile sees\nfix: move go.work above all of its modules, or set GOWORK=off", w.Plan.Module.Workspace)}
	}
	return outside, nil
}

// downloads says which modules are fetched before the sources are copied: all of go.mod, unless it has some for tools,
// or one that is not in the context.
func (w *writing) downloads(outside bool) {
	p := &w.spec.Program
	var modules []string
	for _, m := range w.Program.Info.Deps {
		if m.Replace == nil || !isFolder(m.Replace.Path) {
			modules = append(modules, m.Path)
		}
	}
	if p.Vendor != "" || len(modules) == 0 {
		p.Private = ""
		return
	}
	gomod, err := os.ReadFile(w.Plan.Module.GoMod)
	if p.DownloadAll = err == nil && !outside && !toolLine.Match(gomod); !p.DownloadAll {
		p.Download = modules
	}
}

// isFolder tells whether a module is replaced by a folder (https://go.dev/ref/mod#go-mod-file-replace).
func isFolder(replacement string) bool {
	return strings.HasPrefix(replacement, "./") || strings.HasPrefix(replacement, "../") || filepath.IsAbs(replacement)
}

// trees are folders and files that are taken with all below: what is embedded, and packages of cgo.
func (w *writing) trees() []string {
	var trees []string
	for _, name := range slices.Concat(w.Plan.Main.Sources.Trees, w.Plan.Main.Sources.Cgo) {
		rel, ok := w.inContext(name)
		if _, vendored := vendorOf(rel); vendored {
			continue
		}
		switch {
		case !ok && w.Plan.Main.Cgo.Enabled:
			w.remark("The flags of cgo name %s, which is outside of the context: GO_IMAGE has to have it.", name)
		case rel == ".":
			trees = append(trees, w.entries()...)
		case ok:
			trees = append(trees, rel)
		}
	}
	slices.Sort(trees)
	return slices.Compact(trees)
}

// entries are the names in the context, but for those that are never part of a program.
func (w *writing) entries() []string {
	entries, err := os.ReadDir(w.context)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."), strings.HasSuffix(name, "Dockerfile"), strings.HasSuffix(name, ".dockerignore"), strings.HasSuffix(name, ".go"):
		case slices.Contains([]string{"dist", "vendor", "magefiles", "node_modules", "testdata"}, name):
		default:
			names = append(names, name)
		}
	}
	return names
}

// others are the folders of other programs, which the program does not need.
func (w *writing) others(folders []string) []string {
	var others []string
	for _, dir := range w.Plan.Run.Programs {
		rel, ok := w.inContext(dir)
		if !ok || dir == "" || rel == "." {
			continue
		}
		if !slices.ContainsFunc(folders, func(f string) bool { return f == rel || strings.HasPrefix(f, rel+"/") }) {
			others = append(others, rel)
		}
	}
	slices.Sort(others)
	return slices.Compact(others)
}

// isHidden are the folders whose names the ignore file would leave out.
func isHidden(folders []string) []string {
	var kept []string
	for _, f := range folders {
		for _, name := range strings.Split(f, "/") {
			if slices.Contains([]string{"testdata", "node_modules", "magefiles", "dist"}, name) {
				kept = append(kept, f)
				break
			}
		}
	}
	return kept
}

// goExtensions are those of files that the go command compiles, by itself or with cgo (https://pkg.go.dev/go/build#Package).
var goExtensions = []string{".c", ".cc", ".cpp", ".cxx", ".f", ".F", ".f90", ".for", ".h", ".hh", ".hpp", ".hxx", ".m", ".s", ".S", ".sx", ".swig", ".swigcxx", ".syso"}

// goPatterns fit the files that the go command may read: those of Go, and of other languages that the packages have.
func goPatterns(context string, folders []string) []string {
	patterns := []string{"**/*.go"}
	for _, ext := range goExtensions {
		if slices.ContainsFunc(folders, func(f string) bool { return hasExtension(filepath.Join(context, f), ext) }) {
			patterns = append(patterns, "**/*"+ext)
		}
	}
	return patterns
}

func hasExtension(dir, ext string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return path.Ext(e.Name()) == ext })
}

// tops are the first elements of paths, each once.
func tops(paths []string) []string {
	var names []string
	for _, p := range paths {
		name, _, _ := strings.Cut(p, "/")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
