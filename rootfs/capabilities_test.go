package rootfs

import (
	"archive/tar"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

func TestParseCapabilities(t *testing.T) {
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"cap_net_bind_service"}, "cap_net_bind_service"},
		{[]string{"CAP_NET_RAW", "NET_ADMIN", "chown"}, "cap_chown,cap_net_admin,cap_net_raw"},
		{[]string{"cap_net_raw", "NET_RAW", "cap_net_raw"}, "cap_net_raw"},
		{[]string{"cap_checkpoint_restore"}, "cap_checkpoint_restore"},
	} {
		if c, err := ParseCapabilities(tt.names); err != nil || c.String() != tt.want {
			t.Errorf("%q: %q (%v), want %q", tt.names, c, err, tt.want)
		}
	}
	for name, likely := range map[string]string{
		"cap_net_bind": "cap_net_bind_service", "CAP_NETBINDSERVICE": "cap_net_bind_service", "cap_net_raw+ep": "cap_net_raw", "cap_net_raw=eip": "cap_net_raw",
		"net-admin": "cap_net_admin", "cap_sys_adm": "cap_sys_admin", " cap_kill": "cap_kill", "ptrace": "cap_sys_ptrace", "cap_set_uid": "cap_setuid",
	} {
		_, err := ParseCapabilities([]string{"cap_chown", name})
		wantError(t, err, fmt.Sprintf("%q is no capability\nfix: write %q", name, likely))
	}
	for name, fix := range map[string]string{"ALL": "name those that the program needs", "": "write a name of capabilities(7)", "cap_fly": "write a name of capabilities(7)", "cap_admin": "write a name of capabilities(7)"} {
		_, err := ParseCapabilities([]string{name})
		wantError(t, err, fmt.Sprintf("%q is no capability\nfix: %s", name, fix))
	}
}

// The kernel's header has the same names and numbers, up to the last one that it knows.
func TestCapabilitiesOfTheKernel(t *testing.T) {
	header, err := os.ReadFile("/usr/include/linux/capability.h")
	if err != nil {
		testkit.Missing(t, "linux/capability.h (linux-libc-dev)")
	}
	found := regexp.MustCompile(`(?m)^#define (CAP_[A-Z_]+)\s+(\d+)$`).FindAllSubmatch(header, -1)
	for _, m := range found {
		n, _ := strconv.Atoi(string(m[2]))
		if c, err := ParseCapabilities([]string{string(m[1])}); err != nil || c != 1<<n {
			t.Errorf("%s is %#x (%v), and in the kernel the bit %d", m[1], uint64(c), err, n)
		}
	}
	if len(found) < 38 {
		t.Errorf("the header has %d capabilities", len(found))
	}
}

func TestCapabilitiesOfEntries(t *testing.T) {
	raw, err := ParseCapabilities([]string{"cap_net_raw"})
	if err != nil {
		t.Fatal(err)
	}
	e := Entry{Path: "/app", Mode: 0o755, Capabilities: raw, Source: Bytes([]byte("x")), Reason: "first"}
	tree := makeTree(t)
	if err := tree.Add(e); err != nil {
		t.Fatal(err)
	}
	const bytes = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	info, err := tree.Lstat("app")
	if err != nil {
		t.Fatal(err)
	}
	h, err := tar.FileInfoHeader(info, "")
	if err != nil || h.PAXRecords["SCHILY.xattr.security.capability"] != bytes {
		t.Errorf("the header has %q (%v), want %q", h.PAXRecords, err, bytes)
	}
	e.Capabilities, e.Reason = 0, "second"
	if h := e.Header(); h.PAXRecords != nil {
		t.Errorf("a file without capabilities has the records %q", h.PAXRecords)
	}
	wantError(t, tree.Add(e), `(second): the path is taken by another file 0755 0:0 cap_net_raw (first)`, "fix: leave one")
	for _, tt := range []struct {
		e    Entry
		says []string
	}{
		{Entry{Path: "/d", Mode: fs.ModeDir | 0o755, Capabilities: raw}, []string{"it is a folder, and only the file of a program has Capabilities", "fix: name the program"}},
		{Entry{Path: "/l", Mode: fs.ModeSymlink, Link: "app", Capabilities: raw}, []string{"it is a symbolic link, and only"}},
		{Entry{Path: "/f", Mode: 0o644, Capabilities: raw, Source: Bytes(nil)}, []string{"it has Capabilities, and nobody can execute it", "fix: set Mode to 0o755"}},
	} {
		wantError(t, tree.Add(tt.e), tt.says...)
	}
}

// The program and the files that Files names have capabilities, but no folder, and nothing that is only data.
func TestCapabilitiesOfFiles(t *testing.T) {
	dir := project(t)
	write(t, dir, "bin/a", "a", 0o755)
	write(t, dir, "bin/b", "b", 0o700)
	symlink(t, "a", filepath.Join(dir, "bin/c"))
	s := bareSpec()
	s.Dir, s.Program, s.Binary, s.Capabilities = dir, "/app", filepath.Join(dir, "bin/a"), 1<<10
	s.Files = []File{{From: "bin/[ac]", To: "/opt/", Capabilities: 1 << 13}, {From: "bin/b", To: "/opt/b"}}
	tree := assemble(t, s)
	for p, want := range map[string]string{"/app": "cap_net_bind_service", "/opt": "", "/opt/a": "cap_net_raw", "/opt/c": "cap_net_raw", "/opt/b": ""} {
		if e, ok := tree.Lookup(p); !ok || e.Capabilities.String() != want {
			t.Errorf("%s has %q (%t), want %q", p, e.Capabilities, ok, want)
		}
	}
	// A base that has the same program without them does not make the entry superfluous.
	s.Base, s.BaseName = ldd.DirFS(dir), "base:1"
	s.Files = []File{{From: "bin/a", To: "/bin/a", Capabilities: 1 << 13}}
	over := assemble(t, s)
	if i := slices.IndexFunc(over.Entries(), func(e Entry) bool { return e.Path == "/bin/a" }); i < 0 || over.Entries()[i].Capabilities != 1<<13 {
		t.Errorf("over a base the entries are %v", over.Entries())
	}
	s.Base, s.BaseName = nil, ""
	for from, says := range map[string]string{
		"bin":         `bin" is a folder, and only the file of a program has Capabilities`,
		"[bc]*":       `bin" is a folder`,
		"conf/a.conf": `"/x": it has Capabilities, and nobody can execute it`,
	} {
		s.Files = []File{{From: from, To: "/x", Capabilities: 1, Reason: "magefile.go:9"}}
		_, err := Assemble(context.Background(), s)
		wantError(t, err, "(magefile.go:9)", says, "fix: ")
	}
}
