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

// Source is where a file's bytes come from. The zero value has no bytes. Make one with [HostFile],
// [SysrootFile] or [Bytes].
type Source struct {
	kind  sourceKind
	name  string // path on the host, or name in the sysroot
	sys   ldd.FS // set for a file of a sysroot
	bytes string // set for bytes in memory; a string, because it can't change later
}

// sourceKind says which fields of a [Source] are set.
type sourceKind int

const (
	noSource sourceKind = iota
	hostFile
	sysrootFile
	inMemory
)

// HostFile returns the source for a file of this machine. Links are followed.
func HostFile(path string) Source { return Source{kind: hostFile, name: path} }

// SysrootFile returns the source for a file of a sysroot. The path is absolute and has no links:
// "/usr/lib/libz.so.1.3".
func SysrootFile(sys ldd.FS, path string) Source {
	return Source{kind: sysrootFile, sys: sys, name: strings.TrimPrefix(path, "/")}
}

// Bytes returns a source with these bytes.
func Bytes(b []byte) Source { return Source{kind: inMemory, bytes: string(b)} }

// Open opens the file at its beginning. If the file is an [io.ReaderAt], so is the result.
func (s Source) Open() (io.ReadCloser, error) {
	switch s.kind {
	case hostFile:
		return opened(os.Open(s.name))
	case sysrootFile:
		return opened(s.sys.Open(s.name))
	case inMemory:
		return memoryFile{strings.NewReader(s.bytes)}, nil
	}
	return nil, errors.New("the entry has no source")
}

// opened prevents a nil file from becoming a non-nil reader.
func opened[F io.ReadCloser](f F, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// memoryFile is an open file in memory.
type memoryFile struct{ *strings.Reader }

// Close does nothing.
func (memoryFile) Close() error { return nil }

// Host returns the path of a host file; ok is false for other sources.
func (s Source) Host() (path string, ok bool) { return s.name, s.kind == hostFile }

// Sysroot returns the [io/fs] name of a file in a sysroot; ok is false for other sources.
func (s Source) Sysroot() (name string, ok bool) { return s.name, s.kind == sysrootFile }

// Content returns the bytes of a source made by [Bytes]; ok is false for other sources.
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

// stat describes the file of a source: size, permissions and, if it has one, time.
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

// memoryInfo is the [fs.FileInfo] of bytes in memory; its value is the size.
type memoryInfo int64

func (memoryInfo) Name() string       { return "" }
func (m memoryInfo) Size() int64      { return int64(m) }
func (memoryInfo) Mode() fs.FileMode  { return 0o444 }
func (memoryInfo) ModTime() time.Time { return time.Time{} }
func (memoryInfo) IsDir() bool        { return false }
func (memoryInfo) Sys() any           { return nil }

// same reports whether two sources are the same place, without reading them. It returns false for all files
// of sysroots, because the dynamic types of the sysroots may not be comparable; the content decides then.
func (s Source) same(o Source) bool {
	return s.kind == o.kind && s.kind != sysrootFile && s.name == o.name && s.bytes == o.bytes
}

// sameContent reports whether two sources of the given size hold the same bytes.
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
	// One byte more than the size: then the first piece of a small file also shows its end.
	return sameBytes(ra, rb, int(min(64<<10, size+1)))
}

// sameBytes compares two streams piece by piece: a library need not be in memory as a whole.
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

// readError returns nil for the two errors by which [io.ReadFull] reports the end of the stream, else err.
func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// withoutPath removes the path from a file system error, for messages that name the path themselves.
func withoutPath(err error) error {
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
