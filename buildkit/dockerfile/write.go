package dockerfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
)

// mark begins the first line of each file that [Write] writes; a checksum of all other lines ends it.
const mark = "# Written by fromscratch: mage imageDockerfile. sha256:"

// File is a file to be written.
type File struct{ Path, Text string }

// ForeignError is a file that [Write] does not overwrite.
type ForeignError struct {
	Path   string
	Edited bool // it was ours
}

func (e *ForeignError) Error() string {
	if e.Edited {
		return fmt.Sprintf("writing %q: the file was edited since fromscratch wrote it, and is not overwritten\n"+
			"fix: put the changes into the Config and remove the file, or remove its first line to keep it and set IMAGE_DOCKERFILE to another path", e.Path)
	}
	return fmt.Sprintf("writing %q: the file was not written by fromscratch, and is not overwritten\n"+
		"fix: move it away, or set IMAGE_DOCKERFILE to another path, such as fromscratch.Dockerfile", e.Path)
}

// Write writes files, each whole or not at all, with a first line that makes them known as ours. When one of them
// exists and is not ours, or was edited since, none is written and the error is a [*ForeignError]. A file that has
// the text already stays as it is.
func Write(files ...File) error {
	var todo []File
	for _, f := range files {
		f.Text = marked(f.Text)
		old, err := current(f.Path)
		if err != nil {
			return err
		}
		if old != f.Text {
			todo = append(todo, f)
		}
	}
	for _, f := range todo {
		if err := fsx.WriteFile(f.Path, f.Text); err != nil {
			return fmt.Errorf("writing %q: %w", f.Path, err)
		}
	}
	return nil
}

// marked is a text with our first line.
func marked(text string) string { return mark + sum(text) + "\n" + text }

// sum does not see how a checkout ends lines.
func sum(text string) string {
	s := sha256.Sum256([]byte(strings.ReplaceAll(text, "\r\n", "\n")))
	return hex.EncodeToString(s[:8])
}

// current is the text of a file that may be overwritten, "" of one that is not there.
func current(path string) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking at what is there: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", &ForeignError{Path: path} // a link may lead to anything
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("looking at what is there: %w", err)
	}
	first, rest, _ := strings.Cut(string(content), "\n")
	written, ours := strings.CutPrefix(strings.TrimSuffix(first, "\r"), mark)
	if !ours || written != sum(rest) {
		return "", &ForeignError{Path: path, Edited: ours}
	}
	return string(content), nil
}
