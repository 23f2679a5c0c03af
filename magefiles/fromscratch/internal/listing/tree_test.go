package listing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// The tree merges folders that only lead to one folder, has one line for many files of one
// reason, and adds up sizes.
func TestWriteTree(t *testing.T) {
	x := buildkit.Explanation{
		Reference: "app:latest", Platform: "linux/amd64", Size: 3000, Base: "debian:12", BaseSize: 900,
		Entries: []buildkit.EntryFacts{
			{Path: "/app", Type: "file", Size: 1000, Reason: "the program", Capabilities: []string{"cap_net_raw", "cap_kill"}},
			{Path: "/data", Type: "folder", Reason: "data of the user nobody"},
			{Path: "/lib", Type: "link", Target: "usr/lib", Reason: "on the way to /lib/x"},
			{Path: "/usr", Type: "folder", Reason: "parent folder"},
			{Path: "/usr/lib", Type: "folder", Reason: "parent folder"},
			{Path: "/usr/lib/libx.so", Type: "file", Size: 500, Reason: "needed by /app (ld.so.cache)"},
			{Path: "/usr/share", Type: "folder", Reason: "parent folder"},
			{Path: "/usr/share/zone", Type: "folder", Reason: "parent folder"},
			{Path: "/usr/share/zone/A", Type: "folder", Reason: "parent folder"},
		},
		Notes:      []string{"warning: something"},
		Candidates: []buildkit.Candidate{{Name: "liby.so", Why: "a name in /app"}},
	}
	for i := range 6 {
		x.Entries = append(x.Entries, buildkit.EntryFacts{Path: fmt.Sprintf("/usr/share/zone/A/%d", i), Type: "file", Size: 10, Reason: "zones"})
	}
	var b strings.Builder
	if err := Tree(&b, x); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(b.String(), "\n") {
		lines = append(lines, strings.TrimRight(l, " "))
	}
	const want = `app:latest  linux/amd64  3.0 kB, including 900 B of the base debian:12
  1.0 kB  /app                        the program, with cap_net_raw, cap_kill
     0 B  /data/                      data of the user nobody
     0 B  /lib -> usr/lib             on the way to /lib/x
   560 B  /usr/
   500 B    lib/
   500 B      libx.so                 needed by /app (ld.so.cache)
    60 B    share/zone/A/  (6 files)  zones

note: warning: something

not in the image, but the program may open these at run time; to add a library, list it in Libraries:
  liby.so  not in the sysroot  a name in /app
`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("the tree is\n%s\nwant\n%s", got, want)
	}
}

func TestWriteChain(t *testing.T) {
	var b strings.Builder
	err := Chain(&b, []buildkit.EntryFacts{
		{Path: "/app", Type: "file", Size: 1000, Reason: "the program"},
		{Path: "/libx.so", Type: "file", Size: 5, Reason: "needed by /app"},
		{Path: "/l", Type: "link", Target: "libx.so", Reason: "on the way"},
	})
	const want = "/app                 1.0 kB  the program\n└─ /libx.so          5 B     needed by /app\n   └─ /l -> libx.so          on the way\n"
	if err != nil || b.String() != want {
		t.Errorf("the chain is\n%s(%v), want\n%s", b.String(), err, want)
	}
}
