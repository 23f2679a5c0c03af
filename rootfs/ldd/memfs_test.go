package ldd

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"time"
)

// memFS is a sysroot in memory: name => content, or "-> target" for a link. Folders exist implicitly. Its files
// have no ReadAt, like those of an archive.
type memFS map[string]string

func (m memFS) Open(name string) (fs.File, error) {
	info, err := m.Lstat(name)
	if err != nil {
		return nil, err
	}
	return &memFile{Reader: bytes.NewReader([]byte(m[name])), info: info}, nil
}

func (m memFS) Lstat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrInvalid}
	}
	if text, ok := m[name]; ok {
		mode := fs.FileMode(0o755)
		if _, ok := linkTarget(text); ok {
			mode = fs.ModeSymlink | 0o777
		}
		return memInfo{path.Base(name), int64(len(text)), mode}, nil
	}
	for other := range m {
		if name == "." || len(other) > len(name) && other[:len(name)+1] == name+"/" {
			return memInfo{path.Base(name), 0, fs.ModeDir | 0o755}, nil
		}
	}
	return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
}

func (m memFS) ReadLink(name string) (string, error) {
	if target, ok := linkTarget(m[name]); ok {
		return target, nil
	}
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

func linkTarget(text string) (string, bool) {
	if len(text) >= 3 && text[:3] == "-> " {
		return text[3:], true
	}
	return "", false
}

type memFile struct {
	io.Reader
	info fs.FileInfo
}

func (f *memFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memFile) Close() error               { return nil }

type memInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }

// overlay is a stack of sysroots, of which the first that has a name counts. Folders are not merged in
// listings.
type overlay []FS

func (o overlay) layerWith(name string) FS {
	for _, sys := range o {
		if _, err := sys.Lstat(name); err == nil {
			return sys
		}
	}
	return o[0]
}

func (o overlay) Open(name string) (fs.File, error)      { return o.layerWith(name).Open(name) }
func (o overlay) Lstat(name string) (fs.FileInfo, error) { return o.layerWith(name).Lstat(name) }
func (o overlay) ReadLink(name string) (string, error)   { return o.layerWith(name).ReadLink(name) }

func (o overlay) gainsCapabilities(name string) bool {
	sys, ok := o.layerWith(name).(capableFS)
	return ok && sys.gainsCapabilities(name)
}
