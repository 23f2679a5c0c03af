package gobuild

import (
	"bytes"
	"strings"
	"testing"
)

// An error has no secret, not even as it is in an address or as a part before or after what was left out of a long output.
func TestHide(t *testing.T) {
	t.Parallel()
	const secret, file = "to/ken+with spaces@and%ä", "line-one-of-file\r\nline-two-of-file\n"
	g := Go{}.WithSecrets([]Secret{{Name: "A", Value: secret}, {Name: "B", Value: "/path", File: file}, {Name: "C", Value: "x"}})
	for said, want := range map[string]string{
		"it is " + secret:             "it is …",
		"line-one-of-file\nand x":     "…\nand x",
		"in /path: line-two-of-file!": "in /path: …!",
		"https://a:to%2Fken+with%20spaces%40and%25%C3%A4@git.example/": "https://a:…@git.example/",
		"?q=to%2Fken%2Bwith+spaces%40and%25%C3%A4":                     "?q=…",
	} {
		e := &excerpt{}
		e.Write([]byte(said))
		if got := g.hideIn(e); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
	for cut := range secret {
		e := &excerpt{}
		e.Write(bytes.Repeat([]byte("."), excerptSize-cut))
		e.Write([]byte(secret))
		e.Write(bytes.Repeat([]byte("."), excerptSize))
		e.Write([]byte(secret))
		e.Write(bytes.Repeat([]byte("."), excerptSize-len(secret)+cut))
		got := g.hideIn(e)
		if strings.Contains(got, secret[:min(max(cut, 4), len(secret))]) || strings.Contains(got, secret[cut:]) && len(secret)-cut >= 4 {
			t.Errorf("cut at %d, an error has %q", cut, strings.Trim(got, "."))
		}
	}
}
