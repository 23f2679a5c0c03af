package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Text of an untrusted file does not reach the terminal as a control character or as a line of its own.
func TestHostileNames(t *testing.T) {
	for _, tt := range []struct{ name, evil string }{
		{"escape sequence", "\x1b[2J\x1b]0;owned\a"},
		{"carriage return", "x\r\tlibc.so.6 => /lib/libc.so.6"},
		{"C1", "\u009b2J"},
		{"C1 as a byte", "\x9b2J"},
		{"bidi", "\u202e\u2066x"},
		{"line of a library", "x\n\tlibforged.so => /lib/libforged.so"},
		{"line of a fix", "x\nfix: forged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			soname := "libevil" + tt.evil + ".so"
			lib := compile(t, dir, "libevil.so", "int f(void) { return 0; }", "-shared", "-Wl,-soname,"+soname)
			program := compile(t, dir, "program", "int f(void); int main(void) { return f(); }", lib, "-Wl,-rpath,/opt/"+tt.evil)
			if err := os.Remove(lib); err != nil {
				t.Fatal(err)
			}
			named := filepath.Join(dir, "program"+strings.ReplaceAll(tt.evil, "/", "_"))
			if err := os.Link(program, named); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{program}, {named}, {program, named}, {"--check", named}, {"--copy", filepath.Join(dir, "copy"+filepath.Base(named)), named}, {filepath.Join(dir, "nowhere"+tt.evil)}} {
				code, stdout, stderr := call(t, args...)
				if code != exitMissing {
					t.Errorf("exit code %d, want %d", code, exitMissing)
				}
				wantHarmless(t, stdout)
				wantHarmless(t, stderr)
			}
			code, stdout, _ := call(t, "--json", program)
			wantHarmless(t, stdout)
			var files []fileJSON
			if err := json.Unmarshal([]byte(stdout), &files); err != nil || code != exitMissing || len(files) != 1 {
				t.Fatalf("exit code %d, %v, in %q", code, err, stdout)
			}
			if got := files[0].Missing; len(got) != 1 || got[0].Name != strings.ToValidUTF8(soname, "\ufffd") {
				t.Errorf("the JSON has %+v, want the soname %q", got, soname)
			}
		})
	}
}

func wantHarmless(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(text, "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "\tlibforged") || strings.HasPrefix(line, "fix: forged") {
			t.Errorf("the line %q is forged in %q", line, text)
		}
		bad := func(r rune) bool { return r != '\t' && r != ' ' && !unicode.IsPrint(r) }
		if slices.ContainsFunc([]rune(line), bad) || strings.ContainsRune(line, '\ufffd') && !strings.Contains(line, `"`) {
			t.Errorf("the line %q has a control character", line)
		}
	}
}
