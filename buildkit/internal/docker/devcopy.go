package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/docker/docker/api/types/container"
)

// sentFile is a copied file. If it differs from the file now, the file is copied again.
type sentFile struct {
	host     string
	size     int64
	modified time.Time
	mode     fs.FileMode
}

// Sync copies the new and changed files of Binds that are copied, and returns when the container has them. If the container is gone, the
// error wraps ErrNotRunning.
func (c *DevContainer) Sync(ctx context.Context) error {
	err := c.sync(ctx)
	if err != nil {
		err = notRunning(err)
	}
	return c.failed("copying files to", err)
}

// sync copies the new and changed files of the Binds, and returns when the container has them. Modification times are kept
// to the microsecond. Files that were removed on this machine stay in the container.
//
// A running program keeps its old file if sync replaces it. During sync, a file may be missing or incomplete in the
// container; after a failed sync too, until the next one succeeds.
func (c *DevContainer) sync(ctx context.Context) error {
	found, err := c.files()
	if err != nil {
		return err
	}
	return c.sendChanged(ctx, found)
}

// files returns the files of all Binds, by path in the container.
func (c *DevContainer) files() (map[string]sentFile, error) {
	found := map[string]sentFile{}
	for _, b := range c.binds {
		if err := b.files(found, c.skip); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// sendChanged copies the new and changed files.
func (c *DevContainer) sendChanged(ctx context.Context, found map[string]sentFile) error {
	maps.DeleteFunc(found, func(name string, f sentFile) bool { return c.sent[name] == f })
	if len(found) == 0 {
		return nil
	}
	err := c.send(ctx, func(w *tar.Writer) error {
		for _, name := range slices.Sorted(maps.Keys(found)) { // a folder comes before its files
			if err := found[name].write(w, name, c.attributes[name]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		maps.Copy(c.sent, found)
	}
	return err
}

// files adds the Bind's folders, files and links to found. It leaves out sockets and the like, files that have just been
// removed, and those that skip names.
func (b Bind) files(found map[string]sentFile, skip func(string) bool) error {
	err := filepath.WalkDir(b.Host, func(host string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err, host != b.Host)
		}
		if skip != nil && skip(host) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if host == b.Host {
			info, err = os.Stat(host) // a mount also follows a link
		}
		if err != nil {
			return ignoreGone(err, host != b.Host)
		}
		below, err := filepath.Rel(b.Host, host)
		if err != nil {
			return err
		}
		name := path.Join(b.Container, filepath.ToSlash(below))
		switch info.Mode().Type() {
		case fs.ModeDir, fs.ModeSymlink: // without the time: a new file in a folder changes it
			found[name] = sentFile{host: host, mode: info.Mode()}
		case 0:
			found[name] = sentFile{host: host, mode: info.Mode(), size: info.Size(), modified: info.ModTime()}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the files to copy: %w", err)
	}
	return nil
}

// ignoreGone returns nil if a file is missing and mayGo is true, else err.
func ignoreGone(err error, mayGo bool) error {
	if mayGo && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// write writes one entry, a file with its attributes. Its owner is root, which is the default in the image too.
func (f sentFile) write(w *tar.Writer, name string, attributes map[string]string) error {
	// podman keeps microseconds and rounds up.
	modified := f.modified.Truncate(time.Microsecond)
	header := &tar.Header{Name: name[1:], Mode: permissions(f.mode), ModTime: modified, Format: tar.FormatPAX}
	switch {
	case f.mode.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		return w.WriteHeader(header)
	case f.mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(f.host)
		if err != nil {
			return err
		}
		header.Typeflag, header.Linkname = tar.TypeSymlink, filepath.ToSlash(target)
		return w.WriteHeader(header)
	}
	file, err := os.Open(f.host)
	if err != nil {
		return err
	}
	defer file.Close() // only read
	header.Typeflag, header.Size, header.PAXRecords = tar.TypeReg, f.size, attributes
	return writeFile(w, header, file)
}

// permissions returns the permissions in the container. Windows has none, and a program must be executable.
func permissions(mode fs.FileMode) int64 {
	if runtime.GOOS == "windows" {
		return 0o755
	}
	return int64(mode.Perm())
}

func writeFile(w *tar.Writer, header *tar.Header, content io.Reader) error {
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(content, header.Size))
	if err == nil && n < header.Size {
		err = fmt.Errorf("reading %q: %w", header.Name, io.ErrUnexpectedEOF)
	}
	return err
}

// send streams an archive into the container's root.
func (c *DevContainer) send(ctx context.Context, write func(*tar.Writer) error) error {
	body, pipe := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := writeArchive(ctx, pipe, func(_ context.Context, w io.Writer) error {
			archive := tar.NewWriter(w)
			return errors.Join(write(archive), archive.Close())
		})
		pipe.CloseWithError(err) // nil is the end of the archive; anything else aborts the request
		written <- err
	}()
	err := c.engine.api.CopyToContainer(ctx, c.ID, "/", body, container.CopyToContainerOptions{})
	body.CloseWithError(errEnded) // the engine has answered and reads no more
	writeErr := <-written
	if ctx.Err() != nil && (err != nil || writeErr != nil) {
		return context.Cause(ctx)
	}
	// If the engine stops reading, its own error says why, and net/http closes the pipe.
	if writeErr != nil && !errors.Is(writeErr, errEnded) && !errors.Is(writeErr, io.ErrClosedPipe) {
		return Advise(fmt.Errorf("writing the archive: %w", writeErr), "try again: a file has changed meanwhile")
	}
	return err
}
