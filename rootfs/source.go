package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Source is where a file's bytes are. The zero value has none. Make one with [HostFile], [SysrootFile]
// or [Bytes].
type Source struct {
	kind  sourceKind
	name  string // path on the host, or name in the sysroot
	sys   ldd.FS // of a sysroot's file
	bytes string // of bytes in memory; a string, for nobody can change it later
}

// sourceKind says which of the fields of a [Source] are meant.
type sourceKind int

const (
	noSource sourceKind = iota
	hostFile
	sysrootFile
	inMemory
)

// HostFile is a file of this machine. Links are followed.
func HostFile(path string) Source { return Source{kind: hostFile, name: path} }

// SysrootFile is the file at an absolute path without links in a sysroot, "/usr/lib/libz.so.1.3".
func SysrootFile(sys ldd.FS, path string) Source {
	return Source{kind: sysrootFile, sys: sys, name: strings.TrimPrefix(path, "/")}
}

// Bytes is a file made here.
func Bytes(b []byte) Source { return Source{kind: inMemory, bytes: string(b)} }

// Open opens the file from its beginning. What it returns is an [io.ReaderAt] where the file is one.
func (s Source) Open() (io.ReadCloser, error) {
	switch s.kind {
	case hostFile:
		return opened(os.Open(s.name))
	case sysrootFile:
		return opened(s.sys.Open(s.name))
	case inMemory:
		return memory{strings.NewReader(s.bytes)}, nil
	}
	return nil, errors.New("the entry has no source")
}

// opened keeps a nil file from becoming a reader that is not nil.
func opened[F io.ReadCloser](f F, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// memory is an open file in memory.
type memory struct{ *strings.Reader }

// Close does nothing: there is nothing to give back.
func (memory) Close() error { return nil }

// Host returns the path of a host file; ok is false for other sources.
func (s Source) Host() (path string, ok bool) { return s.name, s.kind == hostFile }

// Sysroot returns the name in [io/fs] of a file in a sysroot; ok is false for other sources.
func (s Source) Sysroot() (name string, ok bool) { return s.name, s.kind == sysrootFile }

// Content returns the bytes of a file that was made here; ok is false for other sources.
func (s Source) Content() (content string, ok bool) { return s.bytes, s.kind == inMemory }

// String names the source for people.
func (s Source) String() string {
	switch s.kind {
	case hostFile:
		return s.name
	case sysrootFile:
		return "/" + s.name
	case inMemory:
		return "made by fromscratch"
	}
	return "nothing"
}

// stat describes the file of a source: size, permissions, and time where it has one.
func (s Source) stat() (fs.FileInfo, error) {
	switch s.kind {
	case hostFile:
		return os.Stat(s.name)
	case sysrootFile:
		return s.sys.Lstat(s.name)
	case inMemory:
		return memoryInfo(len(s.bytes)), nil
	}
	return nil, errors.New("the file has no source")
}

// memoryInfo is the size of bytes in memory as a [fs.FileInfo].
type memoryInfo int64

func (memoryInfo) Name() string       { return "" }
func (m memoryInfo) Size() int64      { return int64(m) }
func (memoryInfo) Mode() fs.FileMode  { return 0o444 }
func (memoryInfo) ModTime() time.Time { return time.Time{} }
func (memoryInfo) IsDir() bool        { return false }
func (memoryInfo) Sys() any           { return nil }

// same tells whether two sources are the same place, without reading. A sysroot is compared by name
// only, for its dynamic type may not be comparable: the content decides then.
func (s Source) same(o Source) bool {
	return s.kind == o.kind && s.kind != sysrootFile && s.name == o.name && s.bytes == o.bytes
}

// sameContent tells whether two sources of a size hold the same bytes.
func sameContent(a, b Source, size int64) (same bool, err error) {
	if a.same(b) {
		return true, nil
	}
	ra, err := a.Open()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, ra.Close()) }()
	rb, err := b.Open()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rb.Close()) }()
	// One more than there should be, to see the end with the first piece of a small file.
	return sameBytes(ra, rb, int(min(64<<10, size+1)))
}

// sameBytes compares two streams in pieces: a library has no need to be in memory as a whole.
func sameBytes(a, b io.Reader, piece int) (bool, error) {
	bufA, bufB := make([]byte, piece), make([]byte, piece)
	for {
		na, errA := io.ReadFull(a, bufA)
		nb, errB := io.ReadFull(b, bufB)
		if err := errors.Join(readError(errA), readError(errB)); err != nil {
			return false, fmt.Errorf("comparing two files: %w", err)
		}
		if !bytes.Equal(bufA[:na], bufB[:nb]) {
			return false, nil
		}
		if na < piece {
			return true, nil
		}
	}
}

// readError is nil for the two errors by which [io.ReadFull] says that the stream ended.
func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// bare takes the path off an error of the file system, for messages that name it themselves.
func bare(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	var linkErr *os.LinkError
	if errors.As(err, &linkErr) {
		return linkErr.Err
	}
	return err
}
