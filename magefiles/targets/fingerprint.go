package targets

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ourModule is the path of the module that this package is in.
const ourModule = "github.com/fromscratch-go/fromscratch"

// identity tells commands apart.
type identity struct {
	name string
	// doubtful: it is also made of files that were not looked at. The go command has
	// to look each time.
	doubtful bool
}

// fingerprint names the versions of all that the command is made of: the
// toolchain, the files by which the go command chooses modules, and our own
// source, which may be a folder that changes. Projects that agree in all of it
// share a command.
func fingerprint(dir string) (identity, error) {
	h := fnv.New128a() // tells versions apart; nobody is to be kept from forging one
	source := sourceDir()
	p := identity{doubtful: source == ""}
	fmt.Fprintln(h, runtime.Version(), plainFlags(os.Getenv("GOFLAGS")), source)
	for _, path := range moduleFiles(dir) {
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return identity{}, err
		}
		fmt.Fprintln(h, filepath.Base(path), len(content))
		h.Write(content)
		ours, others := localReplacements(string(content))
		if ours || others || filepath.Base(path) == "go.work" {
			fmt.Fprintln(h, path) // the same words mean another folder elsewhere
		}
		p.doubtful = p.doubtful || others
	}
	if source != "" {
		if err := hashSource(h, source); err != nil {
			return identity{}, err
		}
	}
	p.name = fmt.Sprintf("%x", h.Sum(nil))
	return p, nil
}

// localReplacements says whether a go.mod replaces modules by folders: ours by a
// relative path, or others. Our own source is looked at anyway
// (https://go.dev/ref/mod#go-mod-file-replace).
func localReplacements(gomod string) (ours, others bool) {
	for _, line := range strings.Split(gomod, "\n") {
		line, _, _ = strings.Cut(line, "//")
		old, path, found := strings.Cut(line, "=>")
		path = strings.Trim(strings.TrimSpace(path), "\"`")
		local := strings.HasPrefix(path, ".") || filepath.IsAbs(path)
		if !found || !local {
			continue
		}
		if strings.Contains(old, ourModule) {
			ours = ours || !filepath.IsAbs(path)
		} else {
			others = true
		}
	}
	return ours, others
}

// sourceDir is the root of our own module as it was compiled into the magefile, ""
// when paths were trimmed.
func sourceDir() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// moduleFiles are the files that choose modules: of the module around dir, of its
// vendor folder, and of the workspace (https://go.dev/ref/mod#workspaces).
func moduleFiles(dir string) []string {
	var files []string
	if work := os.Getenv("GOWORK"); work != "" {
		files = append(files, work)
	}
	for ; ; dir = filepath.Dir(dir) {
		for _, name := range []string{"go.mod", "go.sum", "go.work", "go.work.sum", "vendor/modules.txt"} {
			files = append(files, filepath.Join(dir, name))
		}
		if dir == filepath.Dir(dir) {
			return files
		}
	}
}

// hashSource names every file of our own that can be compiled into the command, by
// size and time.
func hashSource(h io.Writer, source string) error {
	for _, room := range []string{"magefiles", "buildkit", "rootfs"} {
		err := filepath.WalkDir(filepath.Join(source, room), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() {
				// The command is made of neither.
				if e.Name() == "testdata" || path == filepath.Join(source, "magefiles", "bench") {
					return filepath.SkipDir
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
			fmt.Fprintln(h, path, info.Size(), info.ModTime().UnixNano())
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
