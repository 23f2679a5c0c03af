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

// The go command knows what a package of cgo includes from the package's folder alone (HFiles of go list). When a header
// changes in another folder that the flags name, or a library there, it takes the object of before out of its cache. So
// a checksum of these files is part of the flags: a macro that nobody uses. Nothing of it gets into the program, as the
// build ID is left out then.

// headersMacro is the macro whose value is the checksum.
const headersMacro = "FROMSCRATCH_HEADERS"

// addHeaders adds the paths of cgo's flags whose files the go command does not look at. Where commands run elsewhere,
// only the modules' folders are the same here.
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

// headersSum is a checksum of the files at a main's Headers; "" without any. It does not depend on where they lie.
func headersSum(m Main) (string, error) {
	if !m.Cgo.Enabled || len(m.Sources.Headers) == 0 {
		return "", nil
	}
	var sums []string
	for _, path := range m.Sources.Headers {
		sum, err := treeSum(path, slices.Contains(m.Sources.Cgo, path))
		if err != nil {
			return "", fmt.Errorf("reading what the flags of cgo name for %q: %w", m.ImportPath, err)
		}
		sums = append(sums, sum)
	}
	slices.Sort(sums)
	all := sha256.Sum256([]byte(strings.Join(sums, "\n")))
	return hex.EncodeToString(all[:7]), nil
}

// treeSum is a checksum of a file, or of the files of a folder that a C compiler or linker may read. A flat folder
// counts without what is in folders below.
func treeSum(root string, flat bool) (string, error) {
	h := sha256.New()
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			return nil // for the compiler, too
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

// writeSum writes a name and the checksum of its file. What is no regular file, or cannot be read, has none.
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

// forC are the endings of files that a C compiler or linker reads. Headers of C++ may have none.
var forC = []string{
	"", ".h", ".hh", ".hpp", ".hxx", ".inc", ".inl", ".ipp", ".tcc", ".tpp", ".def", ".c", ".cc", ".cpp", ".cxx", ".s", ".S",
	".a", ".o", ".so", ".ld", ".map", ".modulemap",
}

// isForC reports whether a file's name is one that a C compiler or linker may read.
func isForC(name string) bool {
	return !strings.HasPrefix(name, ".") && (slices.Contains(forC, filepath.Ext(name)) || strings.Contains(name, ".so."))
}
