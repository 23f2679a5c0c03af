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

// mark starts the first line of each file that [Write] writes. The line ends with a checksum of all other lines.
const mark = "# Written by fromscratch: mage imageDockerfile. sha256:"

// File is a file to write.
type File struct{ Path, Text string }

// ForeignError reports a file that [Write] does not overwrite.
type ForeignError struct {
	Path   string
	Edited bool // Write wrote it, but it was edited since
}

func (e *ForeignError) Error() string {
	if e.Edited {
		return fmt.Sprintf("writing %q: the file was edited since fromscratch wrote it, so it is not overwritten\n"+
			"fix: put the changes into the Config and remove the file, or remove its first line to keep it and set IMAGE_DOCKERFILE to another path", e.Path)
	}
	return fmt.Sprintf("writing %q: the file was not written by fromscratch, so it is not overwritten\n"+
		"fix: move it away, or set IMAGE_DOCKERFILE to another path, such as fromscratch.Dockerfile", e.Path)
}

// Write writes files, each completely or not at all, with a first line that marks them as its own. If one of them exists
// without a valid mark, or was edited since, it writes none and returns a [*ForeignError]. A file that already has the
// text is left alone.
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

// marked returns text with the first line.
func marked(text string) string { return mark + sum(text) + "\n" + text }

// sum returns the checksum of text. It ignores carriage returns, which a checkout may add.
func sum(text string) string {
	s := sha256.Sum256([]byte(strings.ReplaceAll(text, "\r\n", "\n")))
	return hex.EncodeToString(s[:8])
}

// current returns the text of a file that may be overwritten, or "" if it is missing.
func current(path string) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the existing file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", &ForeignError{Path: path} // a link may point to any file
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the existing file: %w", err)
	}
	first, rest, _ := strings.Cut(string(content), "\n")
	written, ours := strings.CutPrefix(strings.TrimSuffix(first, "\r"), mark)
	if !ours || written != sum(rest) {
		return "", &ForeignError{Path: path, Edited: ours}
	}
	return string(content), nil
}
