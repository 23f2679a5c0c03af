package plan

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
)

// Watched has the user's paths that an image is made from.
type Watched struct {
	Folders []string // with the files in them
	Trees   []string // files, or folders with all below them
	Files   []string // some of them need not exist
}

// Watched returns the paths whose changes change the image.
func (p Image) Watched() Watched {
	src := p.Main.Sources
	w := Watched{Folders: slices.Concat(src.Folders, src.Cgo), Trees: slices.Concat(src.Trees, p.Files.HostPaths())}
	for _, f := range src.Files {
		// Nobody edits the toolchain, so its files are not watched.
		switch filepath.Base(f) {
		case "go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt":
			w.Files = append(w.Files, f)
		}
	}
	if p.Binary != "" {
		w.Files = append(w.Files, p.Binary)
	}
	return w
}

// Counts reports whether a change of a watched path may change the image. In a package's folder, files that the go command does
// not compile do not count: notes, logs, tests.
func (p Image) Counts(path string) bool {
	src, w := p.Main.Sources, p.Watched()
	if compiles(filepath.Base(path)) || !slices.Contains(src.Folders, filepath.Dir(path)) || slices.Contains(w.Files, path) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(w.Folders, w.Trees, w.Files), func(watched string) bool {
		return fsx.Within(path, watched) || fsx.Within(watched, path) && slices.Contains(w.Trees, watched)
	})
}

// compiles reports, by its name, whether the go command compiles a file into a package ("go help packages",
// https://pkg.go.dev/go/build#Package), or reads it as a profile for the compiler.
func compiles(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || strings.HasSuffix(name, "_test.go") {
		return false
	}
	return name == "default.pgo" || slices.Contains(compiled, filepath.Ext(name))
}

var compiled = []string{
	".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx",
	".swig", ".swigcxx", ".syso", ".a", ".so", // the last two by the linker, where cgo names the folder
}
