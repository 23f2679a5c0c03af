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

	"github.com/fromscratch-go/fromscratch/buildkit/diskfull"
)

// bufferSize spares a system call for each header between the small files, in bytes.
const bufferSize = 64 << 10

// WriteFile writes the archive to the file path, which is either the complete new archive or what it was before: it is
// written to a temporary file beside it (".fromscratch-….tmp"), synchronised with the disk and then renamed. Nothing
// stays behind after an error or when ctx ends. The file has the permissions that the umask leaves of 0666.
//
// It fails as [Archive.Write] does, and when path is something else than a regular file, its folder is missing or
// cannot be written, or the disk is full. The error names path.
func (a Archive) WriteFile(ctx context.Context, path string) error {
	if err := checkTarget(path); err != nil {
		return err
	}
	temp, err := createBeside(path)
	if err != nil {
		return fmt.Errorf("writing %q: %w\nfix: make the folder %q, or write where you have the right to",
			path, err, filepath.Dir(path))
	}
	if err := finish(temp, path, func(w io.Writer) error { return a.stream(ctx, w) }); err != nil {
		return fmt.Errorf("writing %q: %w%s", path, err, fixFor(err, path))
	}
	return nil
}

// replaceFile writes a file, whole or not at all.
func replaceFile(path string, write func(io.Writer) error) error {
	temp, err := createBeside(path)
	if err != nil {
		return err
	}
	return finish(temp, path, write)
}

// finish writes the temporary file and gives it its name; else it removes it.
func finish(temp *os.File, path string, write func(io.Writer) error) error {
	err := fill(temp, write)
	if err == nil {
		err = cause(os.Rename(temp.Name(), path))
	}
	if err != nil {
		return errors.Join(os.Remove(temp.Name()), err) // in this order a line with a fix is the last one
	}
	return nil
}

// checkTarget refuses what a rename would replace though it is not a file of ours: a device, a pipe, a folder.
func checkTarget(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("writing %q: it is there and not a regular file\nfix: name a file", path)
	}
	return nil
}

// tempPrefix and tempSuffix are around what is random in the name of a temporary file.
const tempPrefix, tempSuffix = ".fromscratch-", ".tmp"

// createBeside makes the temporary file in the folder of path, where a rename is atomic.
func createBeside(path string) (*os.File, error) {
	for {
		name := tempPrefix + strconv.FormatUint(rand.Uint64(), 36) + tempSuffix
		// Not os.CreateTemp: its 0600 would stay with the archive, and others could not read it.
		file, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			// Whatever the umask. Some file systems have one mode for all, and refuse others.
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

// fill writes to the file, down to the disk, and closes it: after a crash the new name must not lead to a file whose
// bytes were still on their way.
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

// fixFor returns the line that helps against a full disk, and nothing for any other error.
func fixFor(err error, path string) string {
	if !diskfull.Is(err) {
		return ""
	}
	return "\nfix: " + diskfull.Fix(filepath.Dir(path)) + ", or write to another one"
}

// plainWriter writes without the name of the temporary file in its errors: nobody knows that name.
type plainWriter struct{ w io.Writer }

func (p plainWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	return n, cause(err)
}

// cause is an error of the os package without the operation and the name of the file.
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
