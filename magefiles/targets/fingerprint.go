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

// modulePath is the path of the module that this package is in.
const modulePath = "github.com/fromscratch-go/fromscratch"

// identity identifies a compiled worker.
type identity struct {
	name string
	// incomplete is set if the worker is also made of files that the name does not
	// cover. Then the go command must check it each time.
	incomplete bool
}

// fingerprint identifies the versions of everything that the worker is made of: the
// toolchain, the files by which the go command selects modules, and the source of this
// module, which may be a folder that changes. Projects with the same fingerprint share
// a worker.
func fingerprint(dir string) (identity, error) {
	h := fnv.New128a() // not cryptographic: nobody gains by forging one
	source := sourceDir()
	p := identity{incomplete: source == ""}
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
		this, others := localReplacements(string(content))
		if this || others || filepath.Base(path) == "go.work" {
			fmt.Fprintln(h, path) // a relative path means another folder elsewhere
		}
		p.incomplete = p.incomplete || others
	}
	if source != "" {
		if err := hashSource(h, source); err != nil {
			return identity{}, err
		}
	}
	p.name = fmt.Sprintf("%x", h.Sum(nil))
	return p, nil
}

// localReplacements reports whether a go.mod replaces this module by a relative path,
// and whether it replaces other modules by folders
// (https://go.dev/ref/mod#go-mod-file-replace). The fingerprint covers this module's
// source in any case.
func localReplacements(gomod string) (this, others bool) {
	for _, line := range strings.Split(gomod, "\n") {
		line, _, _ = strings.Cut(line, "//")
		old, path, found := strings.Cut(line, "=>")
		path = strings.Trim(strings.TrimSpace(path), "\"`")
		local := strings.HasPrefix(path, ".") || filepath.IsAbs(path)
		if !found || !local {
			continue
		}
		if strings.Contains(old, modulePath) {
			this = this || !filepath.IsAbs(path)
		} else {
			others = true
		}
	}
	return this, others
}

// sourceDir returns the root folder of this module as it was compiled into the
// magefile, or "" if paths were trimmed.
func sourceDir() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// moduleFiles returns the files that select modules: those of the module around dir, of
// its vendor folder, and of the workspace (https://go.dev/ref/mod#workspaces).
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

// hashSource adds every file of this module that can be compiled into the worker, by
// path, size and time.
func hashSource(h io.Writer, source string) error {
	for _, folder := range []string{"magefiles", "buildkit", "rootfs"} {
		err := filepath.WalkDir(filepath.Join(source, folder), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() {
				// Neither is part of the worker.
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
