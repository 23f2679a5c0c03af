package plugins

import (
	"runtime"
	"strings"
	"testing"
)

// A value comes from a library or from the name of its folder, so it must not act as a pattern: a few
// hundred braces would expand to far too many alternatives.
func TestValuesAreNoPatterns(t *testing.T) {
	for _, value := range []string{"/usr/*", "/usr/?", "/usr/[a-z]", `/usr/\*`, "/usr/{a,b}", strings.Repeat("/{a,b}", 600), "/usr/}"} {
		if got, ok := expand("<dir>/openssl.cnf", map[string]string{"dir": value}); ok {
			t.Errorf("the pattern is %q", got)
		}
	}
	if got, ok := expand("<dir>/{a,b}*", map[string]string{"dir": "/usr/lib/c++ v1,2"}); !ok || got != "/usr/lib/c++ v1,2/{a,b}*" {
		t.Errorf("the pattern is %q, %t", got, ok)
	}
}

// A library that repeats the beginning of a text, with the end far away, needs only memory in proportion to
// its size.
func TestTextsAreBounded(t *testing.T) {
	of := text{begin: `OPENSSLDIR: "`, end: `"`}
	hostile := strings.Repeat(of.begin, 16<<10) + "\x00"
	for _, row := range []struct{ name, content, want string }{
		{"without an end", hostile, ""},
		{"with a text after it", hostile + of.begin + "/etc/ssl" + of.end + "\x00", "/etc/ssl"},
		{"with a text before it", "\x00" + of.begin + "/etc/ssl" + of.end + "\x00" + hostile, "/etc/ssl"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, ok := of.find([]byte(row.content))
			runtime.ReadMemStats(&after)
			if got != row.want || ok != (row.want != "") {
				t.Errorf("it is %q, %t; want %q", got, ok, row.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
				t.Errorf("%d bytes of memory for a text of %d", took, len(row.content))
			}
		})
	}
}
