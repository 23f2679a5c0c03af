package deliver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/diskfull"
)

// bufferSize is large enough to write many small files with one system call, in bytes.
const bufferSize = 64 << 10

// WriteFile writes the archive to a file, whole or not at all: it writes a temporary file beside path
// (".fromscratch-….tmp"), syncs it and renames it. After an error, or when ctx ends, path is unchanged and no temporary
// file stays. The file has mode 0644, whatever the umask.
//
// It fails like [Archive.Write]. It also fails if path is no regular file, if its folder is missing or not writable, and
// if the disk is full. The error names path.
func (a Archive) WriteFile(ctx context.Context, path string) error {
	if err := checkTarget(path); err != nil {
		return err
	}
	temp, err := createBeside(path)
	if err != nil {
		return fmt.Errorf("writing %q: %w\nfix: make the folder %q, or write to a folder that you may write to",
			path, err, filepath.Dir(path))
	}
	if err := finish(temp, path, func(w io.Writer) error { return a.stream(ctx, w) }); err != nil {
		return fmt.Errorf("writing %q: %w%s", path, err, fixFor(err, path))
	}
	return nil
}

// replaceFile writes a file, whole or not at all. Its errors do not name the temporary file, and it syncs the file, unlike
// package fsx.
func replaceFile(path string, write func(io.Writer) error) error {
	temp, err := createBeside(path)
	if err != nil {
		return err
	}
	return finish(temp, path, write)
}

// finish writes the temporary file and renames it to path. After an error it removes it.
func finish(temp *os.File, path string, write func(io.Writer) error) error {
	err := fill(temp, write)
	if err == nil {
		err = cause(os.Rename(temp.Name(), path))
	}
	if err != nil {
		return errors.Join(os.Remove(temp.Name()), err) // the fix, if any, must be the last line
	}
	return nil
}

// checkTarget refuses a device, a pipe or a folder, which a rename would replace.
func checkTarget(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("writing %q: it exists and is not a regular file\nfix: name a file", path)
	}
	return nil
}

// The name of a temporary file is random between tempPrefix and tempSuffix.
const tempPrefix, tempSuffix = ".fromscratch-", ".tmp"

// createBeside makes the temporary file in the folder of path, where a rename is atomic.
func createBeside(path string) (*os.File, error) {
	for {
		name := tempPrefix + strconv.FormatUint(rand.Uint64(), 36) + tempSuffix
		// os.CreateTemp would make it with mode 0600, so that others could not read the archive.
		file, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			// The umask must not matter. Some file systems have a fixed mode and refuse others.
			if err = file.Chmod(0o644); errors.Is(err, fs.ErrPermission) {
				err = nil
			}
			if err != nil {
				err = errors.Join(err, file.Close(), os.Remove(file.Name()))
			}
		}
		if !errors.Is(err, fs.ErrExist) {
			return file, cause(err)
		}
	}
}

// fill writes the file, syncs it to the disk and closes it. Without the sync, a crash could leave the new name with an
// incomplete file.
func fill(file *os.File, write func(io.Writer) error) error {
	out := bufio.NewWriterSize(plainWriter{file}, bufferSize)
	err := write(out)
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = cause(file.Sync())
	}
	return errors.Join(cause(file.Close()), err)
}

// fixFor returns the line with the fix for a full disk, "" for any other error.
func fixFor(err error, path string) string {
	if !diskfull.Is(err) {
		return ""
	}
	return "\nfix: " + diskfull.Fix(filepath.Dir(path)) + ", or write to another one"
}

// plainWriter is a writer whose errors do not name the temporary file, which the user does not know.
type plainWriter struct{ w io.Writer }

func (p plainWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	return n, cause(err)
}

// cause returns an error of package os without the operation and the file name.
func cause(err error) error {
	var inPath *fs.PathError
	var inLink *os.LinkError
	switch {
	case errors.As(err, &inPath):
		return inPath.Err
	case errors.As(err, &inLink):
		return inLink.Err
	}
	return err
}
