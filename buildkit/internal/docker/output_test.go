package docker

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/full", Err: syscall.ENOSPC}
}

// A full disk of this machine is not the engine's.
func TestOutputFull(t *testing.T) {
	t.Parallel()
	_, err := orDiscard(fullWriter{}).Write([]byte("x"))
	err = (&Engine{}).Failed("running", err)
	var output *OutputError
	if !errors.As(err, &output) || strings.Contains(err.Error(), "engine") || !strings.Contains(err.Error(), "\nfix: free space on the disk of \"/dev\"") {
		t.Errorf("got %v", err)
	}
}
