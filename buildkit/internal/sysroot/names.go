package sysroot

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
)

// Limits for an image, which is not trusted.
const (
	maxNames = 256 << 20 // bytes of the list of names
	maxCount = 2_000_000 // names
	maxFile  = 4 << 30   // bytes of one file
	maxAll   = 16 << 30  // bytes that one run fetches from one image, without holes
)

// bounded is a writer that accepts a limited number of bytes.
type bounded struct {
	w    io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, errors.New("there are more names than an image may have\nfix: use an image with fewer files")
	}
	b.left -= int64(len(p))
	return b.w.Write(p)
}

// readNames reads a list of names. Each name must come after its folder. Too many names for all together are an error.
func readNames(file string, all *spent) (map[string]*node, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	text, err := record.NewUnsealer(f)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", file, err)
	}
	nodes, err := parseNames(text, all)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", file, err)
	}
	return nodes, nil
}

// parseNames parses the list of a [Source].
func parseNames(r io.Reader, all *spent) (map[string]*node, error) {
	nodes, size := map[string]*node{}, int64(0)
	words := bufio.NewScanner(r)
	words.Buffer(nil, 1<<20)
	words.Split(untilNUL)
	for words.Scan() {
		n, name, err := parseNode(words.Text())
		if err != nil {
			return nil, err
		}
		if !words.Scan() {
			return nil, fmt.Errorf("the list breaks off at %q", name)
		}
		n.target = words.Text()
		size += int64(len(name) + len(n.target))
		if all.count.Load()+int64(len(nodes)) >= maxCount || all.names.Load()+size > maxNames {
			return nil, fmt.Errorf("there are more than %d names, or than %d bytes of names\nfix: use an image with fewer files, or set Licenses to false", maxCount, int64(maxNames))
		}
		if err := addNode(nodes, n, name); err != nil {
			return nil, err
		}
	}
	if err := words.Err(); err != nil {
		return nil, err
	}
	if nodes["."] == nil {
		return nil, errors.New("it does not begin with the root")
	}
	all.count.Add(int64(len(nodes)))
	all.names.Add(size)
	return nodes, nil
}

// parseNode parses "MODE SIZE NAME".
func parseNode(word string) (n *node, name string, err error) {
	mode, rest, _ := strings.Cut(word, " ")
	size, name, _ := strings.Cut(rest, " ")
	bits, err := strconv.ParseUint(mode, 8, 32)
	if err != nil {
		return nil, "", fmt.Errorf("the mode in %q: %w", word, err)
	}
	n = &node{name: path.Base(name), mode: fs.FileMode(bits)}
	if n.size, err = strconv.ParseInt(size, 10, 64); err != nil || n.size < 0 {
		return nil, "", fmt.Errorf("the size in %q is not one", word)
	}
	if !path.IsAbs(name) || name != path.Clean(name) {
		return nil, "", fmt.Errorf("%q is no absolute name", name)
	}
	return n, name, nil
}

// addNode adds a node under its name and to its folder.
func addNode(nodes map[string]*node, n *node, name string) error {
	below := strings.TrimPrefix(name, "/")
	if below == "" {
		below, n.name = ".", "."
	}
	if nodes[below] != nil {
		return fmt.Errorf("%q is listed twice", name)
	}
	if below != "." {
		parent := nodes[path.Dir(below)]
		if parent == nil || !parent.mode.IsDir() {
			return fmt.Errorf("%q is listed without its folder", name)
		}
		parent.names = append(parent.names, n.name)
	}
	nodes[below] = n
	return nil
}

// untilNUL is a [bufio.SplitFunc] for words that end with a NUL. Bytes after the last NUL are an error.
func untilNUL(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, fmt.Errorf("the list breaks off at %.100q", data)
	}
	return 0, nil, nil
}

// mayFetch refuses a file that is too large, and every file after too many bytes.
func (s *FS) mayFetch(n *node, full string) error {
	if n.size > maxFile {
		return fmt.Errorf("%q has %d bytes, and the limit for a file of an image is %d\nfix: use an image without it, or leave it out with Exclude", "/"+full, n.size, int64(maxFile))
	}
	if all := s.spent.fetched.Load(); all > maxAll {
		return fmt.Errorf("%q was needed after %d bytes of other files, and the limit for an image is %d\nfix: leave files out with Exclude", "/"+full, all, int64(maxAll))
	}
	return nil
}

// fetch reads files by their absolute names and keeps each of them. A file that was not asked for, or a second time, is an
// error.
func (s *FS) fetch(names []string) error {
	asked := make(map[string]bool, len(names))
	for _, name := range names {
		asked[name] = true
	}
	return s.source.Read(s.ctx, names, func(name string, r io.Reader) error {
		if !asked[name] {
			return fmt.Errorf("the image sent %q, which was not asked for", name)
		}
		delete(asked, name)
		return s.keep(strings.TrimPrefix(name, "/"), r)
	})
}
