package rootfs

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/exclude"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// mimeReason is why the table of MIME types is in the image.
const mimeReason = "mime.TypeByExtension is linked"

// dataSpec has a sysroot like Debian's for fontconfig: a folder of links into another folder.
func dataSpec(t *testing.T) Spec {
	t.Helper()
	cert, _ := makeCert(t, "a")
	dir := t.TempDir()
	root := t.TempDir()
	write(t, root, "etc/fonts/fonts.conf", "fonts", 0o644)
	write(t, root, "etc/passwd", "the host's", 0o644)
	write(t, root, "usr/share/conf.avail/10.conf", "ten", 0o644)
	write(t, root, "usr/share/conf.avail/20.conf", "twenty", 0o644)
	write(t, root, "opt/tool/run", "tool", 0o755)
	write(t, root, "opt/tool/libtool.a", "!<arch>\n", 0o644)
	symlink(t, "/usr/share/conf.avail/10.conf", root+"/etc/fonts/conf.d/10.conf")
	symlink(t, "../../../usr/share/conf.avail/gone.conf", root+"/etc/fonts/conf.d/30.conf")
	symlink(t, "loop", root+"/etc/fonts/conf.d/self")
	symlink(t, "..", root+"/etc/fonts/conf.d/loop")
	symlink(t, "opt/tool", root+"/tool")
	return Spec{
		Program: "/app", Binary: write(t, dir, "app", "ELF", 0o755), Sysroot: ldd.DirFS(root),
		Certificates: Certificates{Bundle: write(t, dir, "bundle", cert, 0o600)},
	}
}

func TestData(t *testing.T) {
	s := dataSpec(t)
	s.Data = []Data{
		{Path: "/etc/fonts", Because: Because{"configuration of fontconfig", "/app"}},
		{Path: "/tool", Because: Because{Why: "a tool"}},
		{Path: "/etc/passwd", Because: Because{Why: "a table"}},
	}
	tree := assemble(t, s)
	want(t, lines(tree, "/etc/fonts", "/usr", "/opt", "/tool"), `
		/etc/fonts folder 0755 0:0 system
		/etc/fonts/conf.d folder 0755 0:0 system
		/etc/fonts/conf.d/10.conf link to /usr/share/conf.avail/10.conf system
		/etc/fonts/conf.d/loop link to .. system
		/etc/fonts/conf.d/self link to loop system
		/etc/fonts/fonts.conf file 0644 0:0 system
		/opt folder 0755 0:0 system
		/opt/tool folder 0755 0:0 system
		/opt/tool/run file 0755 0:0 system
		/tool link to opt/tool system
		/usr folder 0755 0:0 system
		/usr/share folder 0755 0:0 system
		/usr/share/conf.avail folder 0755 0:0 system
		/usr/share/conf.avail/10.conf file 0644 0:0 system`)
	if text(t, tree, "/etc/passwd") == "the host's" {
		t.Error("the host's accounts are in the image")
	}
	if bad := tree.Dangling(); len(bad) > 0 {
		t.Errorf("links lead to nothing: %v", bad)
	}
}

func TestDataExcluded(t *testing.T) {
	s := dataSpec(t)
	s.Data = []Data{{Path: "/etc/fonts", Because: Because{Why: "configuration"}}, {Path: "/opt", Because: Because{Why: "tools"}}}
	s.Sysroot = exclude.New(s.Sysroot, []string{"/usr/share/conf.*", "tool"})
	tree := assemble(t, s)
	for _, p := range []string{"/usr/share/conf.avail/10.conf", "/opt/tool"} {
		if _, ok := tree.Lookup(p); ok {
			t.Errorf("%s is in the image", p)
		}
	}
	if _, ok := tree.Lookup("/etc/fonts/fonts.conf"); !ok {
		t.Error("a file that is not excluded is missing")
	}
}

func TestDataMissing(t *testing.T) {
	s := dataSpec(t)
	s.Data = []Data{{Path: "/usr/share/none", Because: Because{Why: "a table of libnone"}}}
	_, err := Assemble(context.Background(), s)
	wantError(t, err, "/usr/share/none", "a table of libnone", "no such file")
}

// Files that the program's functions need have the reason in their entry.
func TestFor(t *testing.T) {
	s := dataSpec(t)
	if tree := assemble(t, s); len(lines(tree, "/etc/mime.types", "/data/.cache")) > 1 {
		t.Error("the image has a table of types that nothing needs")
	}
	s.MIMEFor, s.CacheFor, s.ZonesFor = mimeReason, "os.UserCacheDir is linked", "time.LoadLocation is linked"
	s.Timezones, s.GOROOT = []string{"Europe/Berlin"}, goroot(t, someZones)
	tree := assemble(t, s)
	want(t, lines(tree, "/etc/mime.types", "/data"), `
		/data folder 0755 65534:65534 system
		/data/.cache folder 0755 65534:65534 system
		/etc/mime.types file 0644 0:0 system`)
	for p, reason := range map[string]string{
		"/etc/mime.types": mimeReason, "/data/.cache": s.CacheFor, "/usr/share/zoneinfo/Europe/Berlin": s.ZonesFor,
	} {
		if e, _ := tree.Lookup(p); len(e.Reason) < len(reason) || e.Reason[len(e.Reason)-len(reason):] != reason {
			t.Errorf("the reason of %s is %q, want %q at the end", p, e.Reason, reason)
		}
	}
}

func TestChain(t *testing.T) {
	cert, _ := makeCert(t, "a")
	dir := t.TempDir()
	s := Spec{Certificates: Certificates{Bundle: write(t, dir, "bundle", cert, 0o600)}}
	s.Program, s.Binary = "/hello", write(t, dir, "hello", "ELF", 0o755)
	s.Sysroot, s.Closure = usrMerged(t)
	tree := assemble(t, s)
	for path, way := range map[string][]string{
		"/hello": {"/hello"},
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3": {"/hello", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3"},
		"/lib/x86_64-linux-gnu/libc.so.6":          {"/hello", "/usr/lib/x86_64-linux-gnu/libc.so.6"},
		"/usr/lib/ssl/certs":                       {"/hello", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/lib/ssl/certs"},
		"/lib64":                                   {"/hello", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/lib64"},
	} {
		chain, err := tree.Chain(path)
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, e := range chain {
			got = append(got, e.Path)
		}
		if len(got) != len(way) {
			t.Errorf("the chain of %s is %q, want %q", path, got, way)
			continue
		}
		for i := range way {
			if got[i] != way[i] {
				t.Errorf("the chain of %s is %q, want %q", path, got, way)
			}
		}
	}
	_, err := tree.Chain("/none")
	wantError(t, err, `"/none"`, "fix: ")
}

func TestReadable(t *testing.T) {
	tree := &Tree{}
	for _, e := range []Entry{
		{Path: "/lib", Mode: fs.ModeSymlink, Link: "usr/lib"},
		{Path: "/usr/lib/a", Mode: 0o644, Source: Bytes(nil)},
		{Path: "/usr/lib/own", Mode: 0o400, UID: 7, Source: Bytes(nil)},
		{Path: "/usr/lib/group", Mode: 0o050, UID: 1, GID: 8, Source: Bytes(nil)},
		{Path: "/closed", Mode: fs.ModeDir | 0o700},
		{Path: "/closed/a", Mode: 0o755, Source: Bytes(nil)},
		{Path: "/way", Mode: fs.ModeSymlink, Link: "/closed/a"},
		{Path: "/gone", Mode: fs.ModeSymlink, Link: "nothing"},
		{Path: "/out", Mode: fs.ModeSymlink, Link: "/proc/self/fd/1"},
	} {
		if err := tree.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	user, root := User{UID: 7, GID: 8}, User{}
	for _, c := range []struct {
		who  User
		path string
		read bool
		run  bool
	}{
		{user, "/lib/a", true, false}, {user, "/usr/lib/../lib/a", true, false}, {user, "/lib/own", true, false},
		{user, "/lib/group", true, true}, // 0050 is r-x for the group
		{user, "/closed/a", false, false}, {user, "/way", false, false}, {root, "/way", true, true},
		{root, "/lib/own", true, false}, {user, "/gone", false, false}, {root, "/lib/none", false, false},
	} {
		if err := tree.Readable(c.who, c.path); (err == nil) != c.read {
			t.Errorf("reading %s as %d: %v", c.path, c.who.UID, err)
		}
		if err := tree.Executable(c.who, c.path); (err == nil) != c.run {
			t.Errorf("executing %s as %d: %v", c.path, c.who.UID, err)
		}
	}
	wantError(t, tree.Readable(user, "/way"), "7:8", `"/closed"`, "fix: ")
	dangling := tree.Dangling()
	if len(dangling) != 1 || dangling[0].Path != "/gone" {
		t.Errorf("dangling are %v, want /gone", dangling)
	}
}

// Everybody can read an image. So files that not everybody may read in the sysroot are left out, and so are
// links that lead out of the data's folders.
func TestDataOfOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		file   string // in the sysroot
		mode   fs.FileMode
		folder fs.FileMode // of its folder
		link   string      // at /etc/pkcs11/x.module, to the file
		path   string      // of the Data
		in     bool        // want the file in the image
	}{
		"readable by all":                    {file: "etc/pkcs11/hsm.module", mode: 0o644, path: "/etc/pkcs11", in: true},
		"only for root":                      {file: "etc/pkcs11/hsm.module", mode: 0o600, path: "/etc/pkcs11"},
		"only for a group":                   {file: "etc/pkcs11/hsm.module", mode: 0o640, path: "/etc/pkcs11"},
		"the path itself":                    {file: "etc/pkcs11/hsm.module", mode: 0o600, path: "/etc/pkcs11/hsm.module"},
		"in a folder of root":                {file: "etc/pkcs11/hsm.module", mode: 0o644, folder: 0o700, path: "/etc/pkcs11"},
		"a link to a secret":                 {file: "etc/shadow", mode: 0o640, link: "../shadow", path: "/etc/pkcs11"},
		"a link to a public file":            {file: "etc/accounts", mode: 0o644, link: "/etc/accounts", path: "/etc/pkcs11"},
		"a link into a folder of the system": {file: "usr/share/p11/x.module", mode: 0o644, link: "/usr/share/p11/x.module", path: "/etc/pkcs11", in: true},
		"a link in the folder":               {file: "etc/pkcs11/y", mode: 0o644, link: "y", path: "/etc/pkcs11", in: true},
		"a folder with the same prefix":      {file: "etc/pkcs11.old/y", mode: 0o644, link: "../pkcs11.old/y", path: "/etc/pkcs11"},
	} {
		t.Run(name, func(t *testing.T) {
			s := dataSpec(t)
			root := t.TempDir()
			write(t, root, "etc/pkcs11/first", "first", 0o644)
			full := write(t, root, tt.file, "secret", tt.mode)
			if tt.link != "" {
				symlink(t, tt.link, root+"/etc/pkcs11/x.module")
			}
			if tt.folder != 0 {
				if err := os.Chmod(filepath.Dir(full), tt.folder); err != nil {
					t.Fatal(err)
				}
			}
			s.Sysroot = ldd.DirFS(root)
			s.Data = []Data{{Path: tt.path, Because: Because{Why: "data of p11-kit"}, Within: []string{"/etc/pkcs11", "/usr"}}}
			var left []string
			s.LeftOut = func(text string) { left = append(left, text) }
			tree := assemble(t, s)
			if _, in := tree.Lookup("/" + tt.file); in != tt.in {
				t.Errorf("%s is in the image: %t", tt.file, in)
			}
			if bad := tree.Dangling(); len(bad) > 0 {
				t.Errorf("links lead to nothing: %v", bad)
			}
			if tt.in != (len(left) == 0) {
				t.Errorf("LeftOut got %q", left)
			}
		})
	}
}
