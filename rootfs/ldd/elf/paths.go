package elf

import (
	"bufio"
	"bytes"
	"slices"
)

// PathTexts returns the texts of a file that begin with a folder, each once, sorted: the characters that may be part
// of a path. keep, called with what follows the folder, decides which count. In C a text is a path, or the begin of one; Go
// strings are stored without separators, so that only the begin of the text may be one. There are at most so many as
// names of libraries.
func (f *File) PathTexts(folders []string, keep func(rest string) bool) ([]string, error) {
	seen := map[string]bool{}
	err := f.texts(func(r *bufio.Reader) error {
		return readWindows(r, func(text []byte) {
			for _, folder := range folders {
				for rest := range textsAfter(text, folder) {
					if len(seen) < maxNames && keep(rest) {
						seen[folder+rest] = true
					}
				}
			}
		})
	})
	var out []string
	for text := range seen {
		out = append(out, text)
	}
	slices.Sort(out)
	return out, err
}

// textsAfter returns what follows each occurrence of a folder. A text that goes to the end of the window is in the
// next window again.
func textsAfter(text []byte, folder string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for at := 0; ; {
			i := bytes.Index(text[at:], []byte(folder))
			if i < 0 {
				return
			}
			start := at + i + len(folder)
			end := start
			for end < len(text) && end-start < maxGoName-len(folder) && inPath(text[end]) {
				end++
			}
			if at = start; end < len(text) && end > start && !yield(string(text[start:end])) {
				return
			}
		}
	}
}
