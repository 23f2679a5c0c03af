package gobuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The go command only tracks the headers in a cgo package's own folder (HFiles of go list). If a header or library in
// another folder of the flags changes, it takes an outdated object from its cache. So a checksum of these files is added
// to the flags, as an unused macro. It does not get into the program: the build ID is left out then.

// headersMacro is the macro whose value is the checksum.
const headersMacro = "FROMSCRATCH_HEADERS"

// addHeaders adds a path of cgo's flags whose files the go command does not track. With a Runner it only adds paths in
// the modules' folders, the only ones that are the same on this machine.
func (s *selection) addHeaders(src *Sources, p *pkg, path string) {
	same := func(dir string) bool { return dir != "" && below(path, dir) }
	if s.g.Runner != nil && !same(src.Module) && (p.Module == nil || !same(p.Module.Dir)) {
		return
	}
	if path != p.Dir {
		src.Headers = append(src.Headers, path)
	}
}

// withHeaders adds the checksum of a main's headers to the flags of the C preprocessor.
func (c *call) withHeaders(sum string) {
	if sum == "" {
		return
	}
	flags := getenv(c.env, "CGO_CPPFLAGS")
	if flags == "" {
		flags = c.vars["CGO_CPPFLAGS"] // of "go env -w"
	}
	c.env = append(c.env, strings.TrimSpace("CGO_CPPFLAGS="+flags+" -D"+headersMacro+"=0x"+sum))
}

// headersSum returns a checksum of the files at a main's Headers, "" without any. It does not depend on their folder.
func headersSum(m Main) (string, error) {
	if !m.Cgo.Enabled || len(m.Sources.Headers) == 0 {
		return "", nil
	}
	var sums []string
	for _, path := range m.Sources.Headers {
		sum, err := treeSum(path, slices.Contains(m.Sources.Cgo, path))
		if err != nil {
			return "", fmt.Errorf("reading the paths in the cgo flags of %q: %w", m.ImportPath, err)
		}
		sums = append(sums, sum)
	}
	slices.Sort(sums)
	all := sha256.Sum256([]byte(strings.Join(sums, "\n")))
	return hex.EncodeToString(all[:7]), nil
}

// treeSum returns a checksum of a file, or of the files in a folder that a C compiler or linker may read. With flat,
// folders below do not count.
func treeSum(root string, flat bool) (string, error) {
	h := sha256.New()
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			return nil // the compiler cannot read it either
		case err != nil:
			return err
		case e.IsDir() && path != root && (flat || strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case e.IsDir() || path != root && !isForC(e.Name()):
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return writeSum(h, filepath.ToSlash(rel), path)
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// writeSum writes a name and the checksum of its file. It skips files that are not regular or cannot be read.
func writeSum(w io.Writer, name, path string) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	fmt.Fprintf(w, "%q %x\n", name, h.Sum(nil))
	return errors.Join(err, f.Close())
}

// forC are the extensions of files that a C compiler or linker reads. C++ headers may have none.
var forC = []string{
	"", ".h", ".hh", ".hpp", ".hxx", ".inc", ".inl", ".ipp", ".tcc", ".tpp", ".def", ".c", ".cc", ".cpp", ".cxx", ".s", ".S",
	".a", ".o", ".so", ".ld", ".map", ".modulemap",
}

// isForC reports whether a C compiler or linker may read a file with this name.
func isForC(name string) bool {
	return !strings.HasPrefix(name, ".") && (slices.Contains(forC, filepath.Ext(name)) || strings.Contains(name, ".so."))
}
