//go:build linux

package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

// received is a new program, a restart, or the error of one that failed to arrive.
type received struct {
	path string // "" restarts the current program
	err  error
	last bool // nothing else follows
}

// receive writes each program from standard input to the same path, and sends a received for it and for the end of the
// input. An error in the input also ends it, because the rest cannot be parsed.
func receive(input io.Reader, path string, programs chan<- received) {
	r := bufio.NewReaderSize(input, 64<<10)
	for {
		p, again, err := report.ReadProgram(r)
		if err == io.EOF {
			programs <- received{last: true}
			return
		}
		if err != nil {
			programs <- received{err: err, last: true}
			return
		}
		if again {
			programs <- received{}
			continue
		}
		body := io.LimitReader(r, p.Size)
		err = install(body, p, path)
		// The next program begins after the end of this one, even if this one could not be written.
		if _, rest := io.Copy(io.Discard, body); err == nil {
			err = rest
		}
		programs <- received{path: path, err: err}
	}
}

// install writes a program to a temporary file and then renames it, so that nobody executes half a program.
func install(body io.Reader, p report.Program, path string) error {
	temp := filepath.Join(filepath.Dir(path), ".new")
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, body)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
	case n < p.Size:
		err = io.ErrUnexpectedEOF
	default:
		if err = os.Chtimes(temp, p.Modified, p.Modified); err == nil {
			err = os.Rename(temp, path)
		}
	}
	if err != nil {
		_ = os.Remove(temp) // err is reported, and the next program overwrites the file
	}
	return err
}
