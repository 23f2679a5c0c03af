package rootfs

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// baseOf makes a base: "/path=content" is a file, "/path->target" a link, "/path/" a folder.
func baseOf(t *testing.T, entries ...string) *Tree {
	t.Helper()
	base := &Tree{}
	for _, text := range entries {
		e := Entry{Path: strings.TrimSuffix(text, "/"), Mode: fs.ModeDir | 0o755, Reason: "the base"}
		if name, to, ok := strings.Cut(text, "->"); ok {
			e.Path, e.Link, e.Mode = name, to, fs.ModeSymlink
		} else if name, content, ok := strings.Cut(text, "="); ok {
			e.Path, e.Mode, e.Source = name, 0o644, Bytes([]byte(content))
		}
		if strings.HasPrefix(e.Path, "/root") && e.Mode.IsDir() {
			e.Mode, e.GID = fs.ModeDir|0o710, 7
		}
		if err := base.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

// listed returns the paths of the tree's own entries.
func listed(tree *Tree) []string {
	var paths []string
	for _, e := range tree.Entries() {
		paths = append(paths, e.Path)
	}
	return paths
}

const alpineAccounts = "root:x:0:0:root:/root:/bin/ash\nweb:x:101:102:web:/home/web:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"

// fullBase returns a base with all files that the system layer could add.
func fullBase(t *testing.T) *Tree {
	return baseOf(t, "/root/", "/tmp/", "/etc/passwd="+alpineAccounts, "/etc/group=root:x:0:\nweb:x:102:\nnobody:x:65534:",
		"/etc/nsswitch.conf=own", "/etc/services=own", "/etc/protocols=own", "/etc/ssl/certs/ca-certificates.crt=own",
		"/usr/lib/", "/lib->usr/lib", "/run/", "/var/run->/run")
}

// Files that the base has are not added again.
func TestAssembleOnABase(t *testing.T) {
	tree, err := Assemble(context.Background(), Spec{Base: fullBase(t), BaseName: "alpine:3.20"})
	if err != nil {
		t.Fatal(err)
	}
	if got := listed(tree); !slices.Equal(got, []string{"/data"}) {
		t.Errorf("the tree has %q, want only /data", got)
	}
	if got := text(t, tree, "/etc/nsswitch.conf"); got != "own" {
		t.Errorf("nsswitch.conf is %q in the image, want the base's", got)
	}
	empty, err := Assemble(context.Background(), Spec{Base: baseOf(t, "/x=1")})
	if err != nil {
		t.Fatal(err)
	}
	scratch, err := Assemble(context.Background(), Spec{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := listed(empty), listed(scratch); !slices.Equal(a, b) {
		t.Errorf("on an almost empty base the tree has\n%q, from scratch\n%q", a, b)
	}
}

// An entry is placed at the target of the base's links, and its parent folders keep the owner and mode of
// the base.
func TestFilesOnABase(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "f", "ours", 0o644)
	write(t, dir, "tree/x", "ours", 0o644)
	tree, err := Assemble(context.Background(), Spec{Base: fullBase(t), Dir: dir, Files: []File{
		{From: "f", To: "/lib/f"}, {From: "f", To: "/var/run/f"}, {From: "tree", To: "/var/run/"}, {From: "f", To: "/root/f"},
		{From: "f", To: "/etc/services"},
	}, Dirs: []Dir{{Path: "/var/run/deep/er"}, {Path: "/lib"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/data", "/etc", "/etc/services", "/root", "/root/f", "/run", "/run/deep", "/run/deep/er", "/run/f", "/run/x", "/usr", "/usr/lib", "/usr/lib/f"}
	if got := listed(tree); !slices.Equal(got, want) {
		t.Errorf("the tree has\n%q, want\n%q", got, want)
	}
	if e, _ := tree.Lookup("/root"); e.Mode != fs.ModeDir|0o710 || e.GID != 7 {
		t.Errorf("/root is %s, want it as in the base", e)
	}
	if got := text(t, tree, "/etc/services"); got != "ours" {
		t.Errorf("the user's file is %q", got)
	}
	_, err = Assemble(context.Background(), Spec{Base: fullBase(t), BaseName: "alpine:3.20", Dir: dir, Files: []File{{From: "tree", To: "/etc/passwd"}}})
	wantError(t, err, "/etc/passwd", "in the base alpine:3.20", "fix: ")
	_, err = Assemble(context.Background(), Spec{Base: fullBase(t), BaseName: "alpine:3.20", Program: "/lib", Binary: filepath.Join(dir, "f")})
	wantError(t, err, "/lib", "in the base alpine:3.20", "fix: ")
}

func TestAccountsOnABase(t *testing.T) {
	for _, tt := range []struct {
		name          string
		base          []string
		spec          Spec
		passwd, group string // lines after the base's; "" if the file is unchanged
		says          []string
	}{
		{name: "base has all accounts", base: []string{"/etc/passwd=" + alpineAccounts, "/etc/group=root:x:0:\nnobody:x:65534:\n"}},
		{name: "group under another name", base: []string{"/etc/passwd=" + alpineAccounts, "/etc/group=root:x:0:\nnogroup:x:65534:\n"}},
		{name: "a new number", base: []string{"/etc/passwd=" + alpineAccounts, "/etc/group=root:x:0:\nnobody:x:65534:\n"},
			spec: Spec{User: User{UID: 1000}}, passwd: "app:x:1000:1000:app:/data:/sbin/nologin\n", group: "app:x:1000:\n"},
		{name: "the base's number", base: []string{"/etc/passwd=" + alpineAccounts, "/etc/group=root:x:0:\nweb:x:101:\nnobody:x:65534:\n"},
			spec: Spec{User: User{UID: 101}}},
		{name: "nobody has another number", base: []string{"/etc/passwd=root:x:0:0::/root:\nnobody:x:99:99::/:", "/etc/group=root:x:0:\nnobody:x:99:"},
			passwd: "\nnobody65534:x:65534:65534:nobody:/data:/sbin/nologin\n", group: "\nnobody65534:x:65534:\n"},
		{name: "declared", base: []string{"/etc/passwd=" + alpineAccounts, "/etc/group=root:x:0:\nnobody:x:65534:\n"},
			spec: Spec{Users: []User{{Name: "db", UID: 101, GID: 7}}}, passwd: "db:x:101:7:db:/home/db:/sbin/nologin\n", group: "db:x:7:\n"},
		{name: "declared, and the same in the base", base: []string{"/etc/passwd=" + alpineAccounts, "/etc/group=root:x:0:\nweb:x:101:\nnobody:x:65534:\n"},
			spec: Spec{Users: []User{{Name: "web", UID: 101}}}},
		{name: "declared, and different in the base", base: []string{"/etc/passwd=" + alpineAccounts}, spec: Spec{Users: []User{{Name: "web", UID: 500}}},
			says: []string{`the user "web" as 101`, "500", "fix: "}},
		{name: "declared, and the group is different in the base", base: []string{"/etc/group=www:x:33:\n"}, spec: Spec{Users: []User{{Name: "www", UID: 82}}},
			says: []string{`the group "www" as 33`, "82", "fix: "}},
		{name: "behind a link", base: []string{"/etc/passwd->../usr/etc/passwd", "/usr/etc/passwd=" + alpineAccounts, "/etc/group=root:x:0:\nnobody:x:65534:\n"},
			spec: Spec{User: User{UID: 1000, GID: 65534}}, passwd: "app:x:1000:65534:app:/data:/sbin/nologin\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := baseOf(t, tt.base...)
			tt.spec.Base = base
			tree, err := Assemble(context.Background(), tt.spec)
			if tt.says != nil {
				wantError(t, err, tt.says...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, added := range map[string]string{"/etc/passwd": tt.passwd, "/etc/group": tt.group} {
				real, _, err := ldd.Follow(base, name)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := text(t, tree, real), text(t, base, real)+added; got != want {
					t.Errorf("%s is\n%swant\n%s", name, got, want)
				}
				if has := slices.Contains(listed(tree), real); has != (added != "") {
					t.Errorf("%s is among the tree's own entries: %v", real, has)
				}
			}
		})
	}
}

func TestCertificatesOnABase(t *testing.T) {
	cert, _ := makeCert(t, "extra")
	extra := write(t, t.TempDir(), "extra.pem", cert, 0o644)
	base := baseOf(t, "/etc/pki/tls/certs/ca-bundle.crt->/etc/pki/real.pem", "/etc/pki/real.pem=# the base's")
	tree, err := Assemble(context.Background(), Spec{Base: base})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := tree.Lookup(bundlePath); ok {
		t.Error("the host's bundle is there beside the base's")
	}
	tree, err = Assemble(context.Background(), Spec{Base: base, Certificates: Certificates{Extra: []string{extra}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, tree, "/etc/pki/real.pem"); got != "# the base's\n"+cert {
		t.Errorf("the bundle is %q", got)
	}
	if e, _ := tree.Lookup("/etc/pki/tls/certs/ca-bundle.crt"); e.Link == "" {
		t.Errorf("the link of the base is %s", e)
	}
}

// A library of the sysroot appears at the path where the base has its libraries, even if only one of the
// two has /lib merged into /usr/lib.
func TestOverlay(t *testing.T) {
	sys := func(entries ...string) ldd.FS { return baseOf(t, entries...) }
	outside := t.TempDir()
	write(t, outside, "lib/libevil.so", "the host's", 0o644)
	root := t.TempDir()
	symlink(t, filepath.Join(outside, "lib"), filepath.Join(root, "lib"))
	if err := os.MkdirAll(filepath.Join(root, "usr/lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, ask, want string
		base            ldd.FS
		sys             ldd.FS
	}{
		{"the base has it", "/lib/a", "base", baseOf(t, "/lib/a=base"), sys("/lib/a=sys")},
		{"the base lacks it", "/lib/b", "sys", baseOf(t, "/lib/a=base"), sys("/lib/b=sys")},
		{"sysroot merged", "/lib/x/b", "sys", baseOf(t, "/lib/x/a=base"), sys("/lib->usr/lib", "/usr/lib/x/b=sys")},
		{"base merged", "/lib/x/b", "sys", baseOf(t, "/lib->usr/lib", "/usr/lib/x/a=base"), sys("/lib/x/b=sys")},
		{"a file of the base where the sysroot has a folder", "/lib/x/b", "", baseOf(t, "/lib/x=base"), sys("/lib/x/b=sys")},
		{"a link out of the sysroot", "/lib/libevil.so", "", baseOf(t, "/lib/"), ldd.DirFS(root)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Overlay(tt.base, tt.sys)
			real, _, err := ldd.Follow(o, tt.ask)
			if tt.want == "" {
				if err == nil {
					t.Errorf("%s is %s, want nothing", tt.ask, real)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := SysrootFile(o, real).Open()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var got [10]byte
			n, _ := r.Read(got[:])
			if string(got[:n]) != tt.want {
				t.Errorf("%s comes from %q, want %q", tt.ask, got[:n], tt.want)
			}
		})
	}
}

// The list of a folder has the names of both.
func TestOverlayLists(t *testing.T) {
	o := Overlay(baseOf(t, "/d/a=1", "/d/b=1"), baseOf(t, "/d/b=2", "/d/c=2"))
	names, err := readDir(o, "/d")
	if err != nil || !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("the folder has %q (%v)", names, err)
	}
}

// Hidden files of the base come from the sysroot.
func TestOverlayHides(t *testing.T) {
	o := Overlay(baseOf(t, "/var/lib/dpkg/status=base", "/etc/ld.so.cache=base", "/etc/a=base"),
		baseOf(t, "/var/lib/dpkg/status=sys", "/etc/ld.so.cache=sys", "/etc/a=sys"), "/var/lib/dpkg", "/etc/ld.so.cache")
	for name, want := range map[string]string{"var/lib/dpkg/status": "sys", "etc/ld.so.cache": "sys", "etc/a": "base"} {
		if got, err := readSmall(o, "/"+name, 10); err != nil || string(got) != want {
			t.Errorf("%s is %q (%v), want the %s's", name, got, err, want)
		}
	}
}
