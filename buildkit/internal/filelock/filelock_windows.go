package filelock

import (
	"errors"
	"os"
	"syscall"
)

// errorSharingViolation is ERROR_SHARING_VIOLATION of winerror.h.
const errorSharingViolation = syscall.Errno(32)

// try opens the file without sharing it. A second open fails until the first handle is closed.
func try(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		return nil, errLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// Remove releases the lock and then calls remove, which removes the file and what it protects: Windows does not remove
// open files.
func (l *Lock) Remove(remove func() error) error { return errors.Join(l.file.Close(), remove()) }

// free closes the file, which releases the lock.
func free(f *os.File) error { return f.Close() }
