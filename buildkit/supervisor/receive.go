//go:build linux

package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
)

// received is a new program, or why one that came is not there.
type received struct {
	path string // "" runs the one that is there again
	err  error
	last bool // nothing comes any more
}

// receive writes the programs that come on standard input to a file of a folder, one in the place of the other, and tells
// of each, and of the input's end. An error in it is its end too: what comes then is not known any more.
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
		err = place(body, p, path)
		// The next one begins after this one's end, also where that could not be written.
		if _, rest := io.Copy(io.Discard, body); err == nil {
			err = rest
		}
		programs <- received{path: path, err: err}
	}
}

// place writes a program beside its path and then gives it the name, so that nobody executes a half.
func place(body io.Reader, p report.Program, path string) error {
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
		_ = os.Remove(temp) // the reason is told; the next one writes over it
	}
	return err
}
