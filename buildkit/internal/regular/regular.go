// Package regular opens files that somebody else may have replaced by a FIFO or a device.
package regular

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Open opens a regular file for reading. It refuses any other file without opening it: opening a FIFO waits for its writer,
// and opening a device may do anything.
func Open(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notRegular(name, info)
	}
	// It may have been replaced meanwhile. O_NONBLOCK does not wait for a FIFO.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(name, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func notRegular(name string, info os.FileInfo) error {
	return fmt.Errorf("%q is no regular file (%s)\nfix: put the file itself there", name, info.Mode())
}
