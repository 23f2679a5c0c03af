package plaintext

import (
	"os/exec"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ name, text, field, lines string }{
		{"plain", "libz.so.1", "libz.so.1", "libz.so.1"},
		{"other scripts", "Grüße 世界 ☃ ö…", "Grüße 世界 ☃ ö…", "Grüße 世界 ☃ ö…"},
		{"backslash and quotes", `C:\a "b" 'c'`, `C:\a "b" 'c'`, `C:\a "b" 'c'`},
		{"escape sequence", "\x1b[2Jlib", `\x1b[2Jlib`, `\x1b[2Jlib`},
		{"window title", "\x1b]0;x\a", `\x1b]0;x\a`, `\x1b]0;x\a`},
		{"carriage return", "evil\rgood", `evil\rgood`, `evil\rgood`},
		{"newline and tab", "a\nfix: b\tc", `a\nfix: b\tc`, "a\nfix: b\tc"},
		{"Windows line ends", "a\r\nb", `a\r\nb`, "a\nb"},
		{"C1", "a\u009b2Jb\u0080", `a\u009b2Jb\u0080`, `a\u009b2Jb\u0080`},
		{"C1 as a byte", "a\x9b2J", `a\x9b2J`, `a\x9b2J`},
		{"bidi override", "a\u202eb\u202c", `a\u202eb\u202c`, `a\u202eb\u202c`},
		{"bidi isolate", "a\u2066b\u2069", `a\u2066b\u2069`, `a\u2066b\u2069`},
		{"line separators", "a\u2028b\u2029c\u0085", `a\u2028b\u2029c\u0085`, `a\u2028b\u2029c\u0085`},
		{"invisible characters", "a\u200bb\ufeff", `a\u200bb\ufeff`, `a\u200bb\ufeff`},
		{"delete and null", "a\x7f\x00", `a\x7f\x00`, `a\x7f\x00`},
		{"the replacement character itself", "a\ufffd", "a\ufffd", "a\ufffd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // escaping twice changes nothing
				if got := Field(tt.text); got != tt.field {
					t.Errorf("Field gives %q, want %q", got, tt.field)
				}
				if got := Lines(tt.text); got != tt.lines {
					t.Errorf("Lines gives %q, want %q", got, tt.lines)
				}
				tt.text = Lines(tt.text)
				tt.field = Field(tt.text)
			}
		})
	}
}

// No line of a program's output looks like a fix line.
func TestOutput(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"a.go:1: oops\n\thave (int)":         "a.go:1: oops\n\thave (int)",
		"fix: a\nfix: b\r\nfix:c\nprefix: d": "\tfix: a\n\tfix: b\n\tfix:c\nprefix: d",
		"Error: a\nerror: b\nAn Error: c":    "\tError: a\nerror: b\nAn Error: c",
		"a\rfix: b\x1b[2J":                   `a\rfix: b\x1b[2J`,
	} {
		for _, text := range []string{text, want} { // escaping twice changes nothing
			if got := Output(text); got != want {
				t.Errorf("%q gives %q, want %q", text, got, want)
			}
		}
	}
}

var words = []struct{ name, word, want string }{
	{"plain", "libssl3:arm64", "libssl3:arm64"},
	{"path", "/usr/lib/x.so", "/usr/lib/x.so"},
	{"empty", "", "''"},
	{"spaces", "my image", "'my image'"},
	{"a command", "x; rm -rf ~", "'x; rm -rf ~'"},
	{"quote", "it's", `'it'\''s'`},
	{"option", "-Wl,-rpath,/lib", "-Wl,-rpath,/lib"},
	{"home", "~root", "'~root'"},
	{"substitution", "$(reboot)`reboot`", "'$(reboot)`reboot`'"},
	{"newline", "a\n'b\\", `$'a\012\'b\\'`},
	{"escape and high byte", "\x1b\x9b", `$'\033\233'`},
	{"bidi", "\u202e", `$'\342\200\256'`},
}

func TestShell(t *testing.T) {
	for _, tt := range words {
		if got := Shell(tt.word); got != tt.want {
			t.Errorf("%s: Shell gives %s, want %s", tt.name, got, tt.want)
		}
	}
}

// bash returns every quoted word unchanged.
func TestShellOfBash(t *testing.T) {
	testkit.Need(t, "bash")
	for _, tt := range words {
		out, err := exec.Command("bash", "-c", "printf -- %s "+Shell(tt.word)).Output()
		if err != nil || string(out) != tt.word {
			t.Errorf("%s: bash makes %q of it (%v)", tt.name, out, err)
		}
	}
}

func TestHideLogins(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"none", "https://proxy.example/x", "https://proxy.example/x"},
		{"user and password", "https://user:pw@proxy.example", "https://•••@proxy.example"},
		{"token", "HTTPS://token@proxy.example,direct", "HTTPS://•••@proxy.example,direct"},
		{"second of a list", "https://a.example,https://u:p@b.example|https://t@c.example", "https://a.example,https://•••@b.example|https://•••@c.example"},
		{"an @ in the password", "https://u:p@ss@h/x", "https://•••@h/x"},
		{"ssh user", "ssh://git@host/x", "ssh://git@host/x"},
		{"ssh password", "ssh://git:pw@host", "ssh://•••@host"},
		{"a / in the password", "https://u:s3/cr+et@h/x", "https://•••@h/x"},
		{"other characters in the password", "https://u:s3,cr|'et@h/x", "https://•••@h/x"},
		{"a port", "https://h:8080/example.com/x/@v/list", "https://h:8080/example.com/x/@v/list"},
		{"a port in a list", "https://h:8080,https://i:8080/x@v1", "https://h:8080,https://i:8080/x@v1"},
		{"an IPv6 address", "https://[::1]:8080/x@v1", "https://[::1]:8080/x@v1"},
		{"an @ in the path", "https://host/pkg@v1.2.3", "https://host/pkg@v1.2.3"},
		{"a module", "example.com/x@v1.0.0", "example.com/x@v1.0.0"},
	} {
		if got := HideLogins(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
