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

// sentFile is what decides whether a file must be copied again.
type sentFile struct {
	host     string
	size     int64
	modified time.Time
	mode     fs.FileMode
}

// sync copies the files of the Binds that are new or have changed since the last time, and returns when the container
// has them, with their modification times to the microsecond. What was removed on this machine stays in the container.
//
// A program that runs from a file that is replaced keeps running from the old one. While sync is at it, a file may be
// missing in the container, or be there in part; after a failed one too, until the next has succeeded.
func (c *DevContainer) sync(ctx context.Context) error {
	found, err := c.files()
	if err != nil {
		return err
	}
	return c.sendChanged(ctx, found)
}

// files are the files of all Binds.
func (c *DevContainer) files() (map[string]sentFile, error) {
	found := map[string]sentFile{}
	for _, b := range c.binds {
		if err := b.files(found, c.skip); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// sendChanged copies those of the files that are new or have changed.
func (c *DevContainer) sendChanged(ctx context.Context, found map[string]sentFile) error {
	maps.DeleteFunc(found, func(name string, f sentFile) bool { return c.sent[name] == f })
	if len(found) == 0 {
		return nil
	}
	err := c.send(ctx, func(w *tar.Writer) error {
		for _, name := range slices.Sorted(maps.Keys(found)) { // a folder comes before what is in it
			if err := found[name].write(w, name); err != nil {
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

// files adds the Bind's folders, files and links. What is neither (a socket) is not copied, nor what has just vanished,
// nor what skip names.
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
			info, err = os.Stat(host) // a mount follows a link too
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
		case fs.ModeDir, fs.ModeSymlink: // a folder changes with each file in it, and need not be sent for that
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

// ignoreGone is nil for what was there a moment ago.
func ignoreGone(err error, mayGo bool) error {
	if mayGo && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// write writes one entry. Owner is root, as for everything in the image that has no other.
func (f sentFile) write(w *tar.Writer, name string) error {
	// Without more digits than podman keeps: it rounds up.
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
	header.Typeflag, header.Size = tar.TypeReg, f.size
	return writeFile(w, header, file)
}

// permissions are those in the container. Windows knows of none, and a program must be executable.
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
	body.CloseWithError(errEnded) // the engine has answered: whatever is still being written is in vain
	writeErr := <-written
	if ctx.Err() != nil && (err != nil || writeErr != nil) {
		return context.Cause(ctx)
	}
	// The engine that reads no further has its own reason; net/http closes the pipe then.
	if writeErr != nil && !errors.Is(writeErr, errEnded) && !errors.Is(writeErr, io.ErrClosedPipe) {
		return Advise(fmt.Errorf("writing the archive: %w", writeErr), "try again: a file has changed meanwhile")
	}
	return err
}
