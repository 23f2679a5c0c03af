package sysroot

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
)

// sum returns the path of the checksum of a file.
func (s *FS) sum(full string) string { return filepath.Join(s.dir, "sums", filepath.FromSlash(full)) }

// sumText returns the stored form of a checksum. It has the name, because two names may be the same on this machine's disk.
func sumText(full string, h hash.Hash) string { return fmt.Sprintf("%x %q\n", h.Sum(nil), full) }

// keepSum stores the checksum of a file that has just been stored.
func (s *FS) keepSum(full string, h hash.Hash) error {
	err := fsx.Create(s.sum(full), fileMode, func(f *os.File) error {
		_, err := io.WriteString(f, record.Seal(sumText(full, h)))
		return err
	})
	if err == nil {
		s.whole.Store(full, true)
	}
	return err
}

// isWhole reports whether a file is stored and has its checksum. It checks each file once.
func (s *FS) isWhole(n *node, full string) bool {
	if !s.has(n, full) {
		return false
	}
	if _, ok := s.whole.Load(full); ok {
		return true
	}
	want, err := record.ReadSealed(s.sum(full))
	if err != nil {
		return false // without a checksum, the file is fetched again
	}
	f, err := os.Open(s.file(full))
	if err != nil {
		return false
	}
	defer f.Close() // only read
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, n.size+1)); err != nil || sumText(full, h) != want {
		return false
	}
	s.whole.Store(full, true)
	return true
}

// makeFolders makes folders and their parents.
func makeFolders(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}
