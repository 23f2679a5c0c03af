package base

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/regular"
)

// store is an archive or a layout. Names have slashes and no "./" in front.
type store interface {
	// open opens a file and returns its size. A missing file is [fs.ErrNotExist].
	open(name string) (io.ReadCloser, int64, error)
}

// maxFiles bounds the number of files in an archive. An archive of images has a few for each layer.
const maxFiles = 100_000

// maxNames bounds the total length of their names, in bytes.
const maxNames = 16 << 20

// maxRecords bounds the number of their PAX records.
const maxRecords = recordsPerEntry * maxFiles

// archive is a tar on disk, with the offsets of its files.
type archive struct {
	file    *os.File
	temp    string // file to remove at the end; "" for none
	files   map[string]section
	links   map[string]string // docker before 25 writes a layer once and links to it
	account *account
}

type section struct{ offset, size int64 }

// openArchive opens an archive and reads where its files are. A compressed archive is first decompressed to the folder temp.
func openArchive(ctx context.Context, name, temp string) (a *archive, err error) {
	a = &archive{files: map[string]section{}, links: map[string]string{}, account: &account{}}
	if a.file, err = regular.Open(name); err != nil {
		return nil, err
	}
	if err = a.decompress(ctx, temp); err == nil {
		err = a.index(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Close closes the archive and removes its decompressed copy.
func (a *archive) Close() error {
	err := a.file.Close()
	if a.temp != "" {
		err = errors.Join(err, fsx.Remove(a.temp))
	}
	return err
}

// decompress replaces a compressed archive by a decompressed copy in dir.
func (a *archive) decompress(ctx context.Context, dir string) error {
	info, err := a.file.Stat()
	if err != nil {
		return err
	}
	// The decompressed files are read again later, and may be compressed themselves.
	a.account.limit = info.Size()
	in := bufio.NewReader(&counter{ctx: ctx, r: a.file, account: a.account})
	body, done, err := decompress(in)
	if err != nil {
		return err
	}
	defer done()
	if body == io.Reader(in) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".unpacking-*.tar")
	if err != nil {
		return err
	}
	packed := a.file
	a.file, a.temp = temp, temp.Name()
	_, err = io.Copy(&expanded{ctx, temp, a.account}, body)
	return errors.Join(err, packed.Close())
}

// index notes the offset and size of each file.
func (a *archive) index(ctx context.Context) error {
	info, err := a.file.Stat()
	if err != nil {
		return err
	}
	around := newWindow(ctx, a.file, info.Size())
	tr := tar.NewReader(around)
	names, records := 0, 0
	for n := 0; ; n++ {
		around.next()
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = plainEntry(h)
		}
		if err == nil && n > maxFiles {
			err = fmt.Errorf("it has more than %d files", maxFiles)
		}
		if err == nil {
			if names += textOf(h); names > maxNames {
				err = errors.New("the names of its files are too long")
			}
			if records += around.lines; records > maxRecords {
				err = errors.New("its files have too many records")
			}
		}
		if err != nil {
			return fmt.Errorf("reading it as a tar archive: %w\nfix: write it again, by \"docker save -o FILE IMAGE\" for example", err)
		}
		name := path.Clean(strings.TrimPrefix(h.Name, "/"))
		switch h.Typeflag {
		case tar.TypeReg:
			// With a file that can seek, a tar.Reader reads no further than the header.
			a.files[name] = section{around.pos, h.Size}
		case tar.TypeSymlink:
			a.links[name] = path.Join(path.Dir(name), h.Linkname)
		case tar.TypeLink:
			a.links[name] = path.Clean(h.Linkname)
		}
	}
}

// open implements [store].
func (a *archive) open(name string) (io.ReadCloser, int64, error) {
	name = path.Clean(name)
	for range 8 { // links to links; docker makes none
		if s, ok := a.files[name]; ok {
			return io.NopCloser(io.NewSectionReader(a.file, s.offset, s.size)), s.size, nil
		}
		to, ok := a.links[name]
		if !ok {
			break
		}
		name = to
	}
	return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// layout is an OCI image layout in a folder
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md).
type layout string

// open implements [store]. Names from documents are checked digests or local paths.
func (l layout) open(name string) (io.ReadCloser, int64, error) {
	local, err := filepath.Localize(name)
	if err != nil {
		return nil, 0, err
	}
	f, err := regular.Open(filepath.Join(string(l), local))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// splitTag splits a path from the tag after a colon, unless a file has the whole name. A tag may be a reference that has a
// colon itself.
func splitTag(host func(string) string, name string) (path, tag string) {
	for i := len(name); i > 0; i = strings.LastIndexByte(name[:i], ':') {
		path = host(name[:i])
		if _, err := os.Lstat(path); err == nil {
			return path, strings.TrimPrefix(name[i:], ":")
		}
	}
	return host(name), ""
}
