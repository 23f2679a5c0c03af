package elf

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// textFile is a file with one segment of constants.
func textFile(text string) *File {
	f := &File{r: strings.NewReader(text), size: int64(len(text))}
	f.Progs = []elf.ProgHeader{{Type: elf.PT_LOAD, Flags: elf.PF_R, Filesz: uint64(len(text))}}
	return f
}

// Paths are found wherever they are, whole and once, in C strings and between others.
func TestPathTexts(t *testing.T) {
	t.Parallel()
	all := func(string) bool { return true }
	for name, c := range map[string]struct {
		text string
		keep func(string) bool
		want []string
	}{
		"strings of C":        {"a\x00/usr/share/x/y\x00/usr/share/\x00/usr/local/share/z\x00", all, []string{"/usr/local/share/z", "/usr/share/x/y"}},
		"between others":      {"ab/usr/share/x=1/usr/share/x!", all, []string{"/usr/share/x"}},
		"in each other":       {"/usr/share/x/usr/share/y\x00", all, []string{"/usr/share/x/usr/share/y", "/usr/share/y"}},
		"not asked for":       {"/usr/share/doc/x\x00/usr/share/y\x00", func(s string) bool { return !strings.HasPrefix(s, "doc/") }, []string{"/usr/share/y"}},
		"too long":            {"/usr/share/" + strings.Repeat("a", 2*maxGoName) + "\x00", all, []string{"/usr/share/" + strings.Repeat("a", maxGoName-len("/usr/share/"))}},
		"other folders alone": {"/etc/passwd\x00/usr/sharex/\x00", all, nil},
	} {
		got, err := textFile(c.text).PathTexts([]string{"/usr/share/", "/usr/local/share/"}, c.keep)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
		}
	}
	// At each place around the end of a window, of which the next one has the end again.
	for at := 1<<18 - 2*maxGoName; at < 1<<18+8; at++ {
		text := strings.Repeat("\x00", at) + "/usr/share/data.bin\x00" + strings.Repeat("\x00", 1000)
		if got, err := textFile(text).PathTexts([]string{"/usr/share/"}, all); err != nil || !slices.Equal(got, []string{"/usr/share/data.bin"}) {
			t.Fatalf("at %d: got %q, %v", at, got, err)
		}
	}
	// A hostile file names more than anybody asks for.
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	for i := range 3 * maxNames {
		fmt.Fprintf(w, "/usr/share/%d\x00", i)
	}
	_ = w.Flush()
	if got, err := textFile(b.String()).PathTexts([]string{"/usr/share/"}, all); err != nil || len(got) != maxNames {
		t.Errorf("got %d texts, %v", len(got), err)
	}
}
