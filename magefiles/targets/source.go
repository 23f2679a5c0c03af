package targets

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/magefile/mage/mg"
)

const (
	// mainModule is the module that the worker is in.
	mainModule = "github.com/fromscratch-go/fromscratch"
	// inMain is the folder of this package's module in the repository, and the end of its path.
	inMain = "/magefiles/targets"
	// workerPackage is the program that does the targets' work.
	workerPackage = mainModule + "/magefiles/fromscratch"
)

// source is what a worker is compiled from.
type source struct {
	name string // of the worker's folder in the cache: another source has another name
	text string // for people: "v1.2.3"
	// Where the go command compiles it: in a module that exists, or in a new one with this go.mod.
	dir, gomod string
	env        []string // further variables of the go command
	fix        string   // what helps if the go command cannot get the modules, see [pinIt]; "" if it says so itself
	// changes is set if the name does not cover everything that the worker is made of. The go command checks that then,
	// at each start.
	changes bool
}

// findSource returns the source of the worker for a magefile whose module is in dir:
//
//   - If go.mod has the worker as a tool, it is compiled in that module, with the versions there or those in vendor/.
//   - If the magefile has a released version of this package, the worker is the one of the same version, compiled outside of
//     the user's module.
//   - If this package is replaced by a folder, or part of a workspace, the worker is in the same repository.
func findSource(ctx context.Context, dir string) (source, error) {
	root := moduleRoot(dir)
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return source{}, fmt.Errorf("looking for the worker in go.mod: %w", err)
	}
	m := ownModule()
	if hasTool(string(gomod), workerPackage) {
		if err := checkPinned(string(gomod), m); err != nil {
			return source{}, err
		}
		return pinned(dir)
	}
	switch {
	case m == nil:
		return source{}, fmt.Errorf("the compiled magefile does not say which version of %q it has\n%s", mainModule+inMain, pinIt(""))
	case m.Replace != nil && strings.HasPrefix(m.Replace.Version, "v"): // a folder has the version "(devel)"
		return forked(m.Replace)
	case m.Replace == nil && strings.HasPrefix(m.Version, "v"):
		return released(m.Version), nil
	}
	repository, err := findRepository(ctx, dir, root, m)
	if err != nil {
		return source{}, err
	}
	return local(repository)
}

// pinIt is the fix for a worker that cannot be found, or not be downloaded.
func pinIt(version string) string {
	if version != "" {
		version = "@" + version
	}
	return "fix: go get -tool " + workerPackage + version + ", which compiles the worker with the versions in your go.mod"
}

// released returns the source of the worker of a version.
func released(version string) source {
	return source{
		name: version, text: version,
		gomod: fmt.Sprintf("module worker\n\ngo 1.23\n\nrequire %s %s\n", mainModule, version),
		env:   ownModuleEnv(), fix: pinIt(version),
	}
}

// ownModuleEnv returns the variables for a worker in a new module. The user's workspace and flags are for other modules; only
// -modcacherw is about the module cache, which is the user's.
func ownModuleEnv() []string {
	flags := "GOFLAGS=-mod=mod"
	if strings.Contains(os.Getenv("GOFLAGS"), "-modcacherw") {
		flags += " -modcacherw"
	}
	return []string{"GOWORK=off", flags}
}

// forked returns the source of the worker in a module that replaces ours.
func forked(by *debug.Module) (source, error) {
	path, ok := strings.CutSuffix(by.Path, inMain)
	if !ok {
		return source{}, fmt.Errorf("go.mod replaces %q by %q, which does not end in %q, so the worker of the same fork cannot be found\n%s",
			mainModule+inMain, by.Path, inMain, pinIt(""))
	}
	h := fnv.New64a()
	io.WriteString(h, path)
	return source{
		name: fmt.Sprintf("%s-%x", by.Version, h.Sum(nil)), text: by.Version + " of " + path,
		gomod: fmt.Sprintf("module worker\n\ngo 1.23\n\nrequire %s v0.0.0\n\nreplace %[1]s => %s %s\n", mainModule, path, by.Version),
		env:   ownModuleEnv(), fix: pinIt(""),
	}, nil
}

// checkPinned returns an error if a go.mod has the worker in another version than the targets have: they speak with each other.
func checkPinned(gomod string, m *debug.Module) error {
	if m == nil || m.Replace != nil || !strings.HasPrefix(m.Version, "v") {
		return nil // replacements are the user's own affair
	}
	worker := ""
	directives(gomod, func(words []string) {
		if len(words) >= 3 && words[0] == "require" && strings.Trim(words[1], "\"`") == mainModule {
			worker = words[2]
		}
	})
	if worker == "" || worker == m.Version {
		return nil
	}
	return &exitError{fmt.Sprintf("go.mod has the targets in %s and the worker in %s, but they must have the same version\nfix: go get -tool %s@%s",
		m.Version, worker, workerPackage, m.Version), exitConfig}
}

// pinned returns the source of the worker that is a tool of the module in dir.
func pinned(dir string) (source, error) {
	h := fnv.New128a() // not cryptographic: nobody gains by forging one
	flags := plainFlags(os.Getenv("GOFLAGS"))
	s := source{text: "the version in go.mod", dir: dir, env: []string{"GOFLAGS=" + flags}}
	// A workspace, or another go.mod, may lead to folders whose files are not looked at.
	s.changes = os.Getenv("GOWORK") != "" && os.Getenv("GOWORK") != "off" || strings.Contains(os.Getenv("GOFLAGS"), "-modfile")
	fmt.Fprintln(h, runtime.Version(), flags, dir)
	for _, path := range moduleFiles(dir) {
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return source{}, fmt.Errorf("checking whether the worker is compiled: %w", err)
		}
		fmt.Fprintln(h, path, len(content))
		h.Write(content)
		s.changes = s.changes || filepath.Base(path) == "go.work" || replacesByFolder(string(content))
		if filepath.Base(path) == "modules.txt" { // the go command does not check what is beside it
			if err := hashSource(h, filepath.Dir(path)); err != nil {
				return source{}, fmt.Errorf("checking whether the worker is compiled: %w", err)
			}
		}
	}
	s.name = fmt.Sprintf("tool-%x", h.Sum(nil))
	return s, nil
}

// local returns the source of the worker in a copy of our repository.
func local(repository string) (source, error) {
	h := fnv.New128a()
	fmt.Fprintln(h, runtime.Version(), repository)
	for _, name := range []string{"go.mod", "go.sum", "magefiles", "buildkit", "rootfs"} {
		if err := hashSource(h, filepath.Join(repository, name)); err != nil {
			return source{}, fmt.Errorf("checking whether the worker is compiled: %w", err)
		}
	}
	return source{
		name: fmt.Sprintf("source-%x", h.Sum(nil)), text: "the source in " + repository, dir: repository,
		// An empty GOFLAGS would not hide the one that "go env -w" has stored.
		env: []string{"GOWORK=off", "GOFLAGS=-mod=readonly"},
	}, nil
}

// ownModule returns the module of this package as the magefile has it, or nil if that is unknown.
func ownModule() *debug.Module {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == mainModule+inMain {
			return m
		}
	}
	return nil
}

// findRepository returns the root folder of the repository that this package was compiled from.
func findRepository(ctx context.Context, dir, root string, m *debug.Module) (string, error) {
	var places []string
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		places = append(places, filepath.Dir(file))
	}
	if m.Replace != nil && filepath.IsAbs(m.Replace.Path) {
		places = append(places, m.Replace.Path)
	} else if m.Replace != nil {
		places = append(places, filepath.Join(root, m.Replace.Path))
	}
	for _, place := range places {
		if repository := filepath.Dir(filepath.Dir(place)); isRepository(repository) {
			return repository, nil
		}
	}
	// The paths were trimmed, or the replacement is in a go.work.
	cmd := exec.CommandContext(ctx, mg.GoCmd(), "list", "-m", "-f", "{{.Dir}}", mainModule+inMain)
	cmd.Dir = dir
	out, err := cmd.Output()
	if place := strings.TrimSpace(string(out)); err == nil && place != "" {
		if repository := filepath.Dir(filepath.Dir(place)); isRepository(repository) {
			return repository, nil
		}
		places = append(places, place)
	}
	return "", fmt.Errorf("the targets were compiled from %q, which is not in a copy of the repository of %s, so the worker's source is unknown\n%s",
		places, mainModule, pinIt(""))
}

// isRepository reports whether a folder is the root of our repository.
func isRepository(dir string) bool {
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSpace(first) == "module "+mainModule
}

// moduleRoot returns the folder of the go.mod for dir, or dir if there is none.
func moduleRoot(dir string) string {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d
		}
		if d == filepath.Dir(d) {
			return dir
		}
	}
}

// directives calls do with the words of each line of a go.mod or go.work, the verb of a block before each of its lines
// (https://go.dev/ref/mod#go-mod-file-lexical).
func directives(text string, do func(words []string)) {
	verb := ""
	brackets := strings.NewReplacer("(", " ( ", ")", " ) ")
	for _, line := range strings.Split(text, "\n") {
		line, _, _ := strings.Cut(line, "//")
		words := strings.Fields(brackets.Replace(line))
		switch {
		case len(words) == 0:
		case words[0] == ")":
			verb = ""
		case len(words) == 2 && words[1] == "(":
			verb = words[0]
		case verb != "":
			do(append([]string{verb}, words...))
		default:
			do(words)
		}
	}
}

// hasTool reports whether a go.mod has a package as a tool (https://go.dev/ref/mod#go-mod-file-tool).
func hasTool(gomod, pkg string) bool {
	found := false
	directives(gomod, func(words []string) {
		found = found || len(words) == 2 && words[0] == "tool" && strings.Trim(words[1], "\"`") == pkg
	})
	return found
}

// replacesByFolder reports whether a go.mod or go.work replaces a module by a folder
// (https://go.dev/ref/mod#go-mod-file-replace).
func replacesByFolder(gomod string) bool {
	found := false
	directives(gomod, func(words []string) {
		_, by, ok := strings.Cut(strings.Join(words, " "), "=>")
		by = strings.Trim(strings.TrimSpace(by), "\"`")
		found = found || words[0] == "replace" && ok && (strings.HasPrefix(by, ".") || filepath.IsAbs(by))
	})
	return found
}

// moduleFiles returns the files that select modules: those of the module around dir, of its vendor folder, and of the workspace
// (https://go.dev/ref/mod#workspaces). Other files in folders above, which may be other users', are not looked at, as the go command
// does not.
func moduleFiles(dir string) []string {
	var files []string
	add := func(dir string, names ...string) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				files = append(files, path)
			}
		}
	}
	if work := os.Getenv("GOWORK"); work != "" {
		add("", work)
	}
	add(moduleRoot(dir), "go.mod", "go.sum", "vendor/modules.txt")
	for ; ; dir = filepath.Dir(dir) {
		n := len(files)
		add(dir, "go.work")
		if len(files) > n {
			add(dir, "go.work.sum", "vendor/modules.txt")
			return files
		}
		if dir == filepath.Dir(dir) {
			return files
		}
	}
}

// hashSource adds every file below a path that can be compiled into the worker, by path, size and time.
func hashSource(h io.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == "testdata" || strings.HasSuffix(filepath.ToSlash(path), "/magefiles/bench") || strings.HasSuffix(filepath.ToSlash(path), inMain) {
				return filepath.SkipDir // not part of the worker
			}
			return nil
		}
		if strings.HasSuffix(path, "_test.go") || e.Name() == "mage_output_file.go" {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(h, path, info.Size(), info.ModTime().UnixNano())
		return err
	})
}
