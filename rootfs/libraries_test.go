package rootfs

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// usrMerged returns a sysroot like Debian's, and a closure in it.
func usrMerged(t *testing.T) (ldd.FS, *ldd.Closure) {
	t.Helper()
	sys := new(Tree)
	for _, e := range []Entry{
		{Path: "/lib", Mode: fs.ModeSymlink, Link: "usr/lib"},
		{Path: "/lib64", Mode: fs.ModeSymlink, Link: "usr/lib64"},
		{Path: "/usr/lib64/ld-linux-x86-64.so.2", Mode: fs.ModeSymlink, Link: "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"},
		{Path: "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", Mode: 0o600, UID: 7, Source: Bytes([]byte("loader"))},
		{Path: "/usr/lib/x86_64-linux-gnu/libc.so.6", Mode: 0o555, Source: Bytes([]byte("libc"))},
		{Path: "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", Mode: 0o640, Source: Bytes([]byte("x\x00OPENSSLDIR: \"/usr/lib/ssl\"\x00y"))},
	} {
		if err := sys.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	lib := ldd.Link{Path: "/lib", Target: "usr/lib"}
	main := &ldd.Object{Name: "/hello", Path: "/hello", Real: "/hello"}
	loader := &ldd.Object{
		Name: "/lib64/ld-linux-x86-64.so.2", Path: "/lib64/ld-linux-x86-64.so.2", NeededBy: main, By: "interpreter",
		Real: "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		Links: []ldd.Link{{Path: "/lib64", Target: "usr/lib64"},
			{Path: "/usr/lib64/ld-linux-x86-64.so.2", Target: "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"}, lib},
	}
	libc := &ldd.Object{Name: "libc.so.6", Path: "/lib/x86_64-linux-gnu/libc.so.6", NeededBy: main, By: "ld.so.cache",
		Real: "/usr/lib/x86_64-linux-gnu/libc.so.6", Links: []ldd.Link{lib}}
	crypto := &ldd.Object{Name: "libcrypto.so.3", Path: "/opt/bin/../../lib/x86_64-linux-gnu/libcrypto.so.3", NeededBy: libc, By: "RUNPATH of /x",
		Real: "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", Links: []ldd.Link{lib}, Dirs: []string{"/opt/bin", "/opt"}}
	return sys, &ldd.Closure{
		Loader:  "/lib64/ld-linux-x86-64.so.2",
		Objects: []*ldd.Object{main, loader, libc, crypto, libc},
	}
}

func TestLibraries(t *testing.T) {
	cert, _ := makeCert(t, "a")
	dir := t.TempDir()
	s := Spec{Certificates: Certificates{Bundle: write(t, dir, "bundle", cert, 0o600)}}
	s.Program, s.Binary = "/hello", write(t, dir, "hello", "ELF", 0o755)
	s.Sysroot, s.Closure = usrMerged(t)
	tree := assemble(t, s)
	want(t, lines(tree, "/lib", "/lib64", "/usr", "/opt", "/hello"), `
		/hello file 0755 0:0 program
		/lib link to usr/lib system
		/lib64 link to usr/lib64 system
		/opt folder 0755 0:0 system
		/opt/bin folder 0755 0:0 system
		/usr folder 0755 0:0 system
		/usr/lib folder 0755 0:0 system
		/usr/lib/ssl folder 0755 0:0 system
		/usr/lib/ssl/cert.pem link to /etc/ssl/certs/ca-certificates.crt system
		/usr/lib/ssl/certs link to /etc/ssl/certs system
		/usr/lib/x86_64-linux-gnu folder 0755 0:0 system
		/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 file 0755 0:0 system
		/usr/lib/x86_64-linux-gnu/libc.so.6 file 0755 0:0 system
		/usr/lib/x86_64-linux-gnu/libcrypto.so.3 file 0644 0:0 system
		/usr/lib64 folder 0755 0:0 system
		/usr/lib64/ld-linux-x86-64.so.2 link to /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 system`)
	for p, reason := range map[string]string{
		"/usr/lib/x86_64-linux-gnu/libc.so.6":            "needed by /hello (ld.so.cache)",
		"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": "needed by /hello (interpreter)",
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3":       "needed by /lib/x86_64-linux-gnu/libc.so.6 (RUNPATH of /x)",
		"/lib64": "on the way to /lib64/ld-linux-x86-64.so.2",
	} {
		if e, _ := tree.Lookup(p); e.Reason != reason {
			t.Errorf("the reason of %s is %q, want %q", p, e.Reason, reason)
		}
	}
	if got := text(t, tree, "/usr/lib/x86_64-linux-gnu/libc.so.6"); got != "libc" {
		t.Errorf("content %q", got)
	}
}

// A program of this machine can start in the tree with the same libraries.
func TestLibrariesOfHost(t *testing.T) {
	const program = "/bin/ls"
	ctx, host := context.Background(), ldd.DirFS("/")
	c, err := ldd.Resolve(ctx, host, ldd.Program{Path: "/hello", File: program}, ldd.Env{})
	if err != nil {
		skip(t, err.Error())
	}
	s := bareSpec()
	s.Program, s.Binary, s.Closure = "/hello", program, c
	tree := assemble(t, s)
	image, err := ldd.Verify(ctx, tree, ldd.Program{Path: "/hello"}, ldd.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ldd.Compare(ctx, c, image); err != nil {
		t.Error(err)
	}
	name, _, needed := c.LoaderConfig()
	if _, ok := tree.Lookup(name); ok != needed {
		t.Errorf("%q is there: %v, needed: %v", name, ok, needed)
	}
}

// The image has the loader's configuration if a library is found only through it.
func TestLibrariesInOddFolder(t *testing.T) {
	const program = "/bin/ls"
	ctx := context.Background()
	root := t.TempDir()
	c, err := ldd.Resolve(ctx, ldd.DirFS("/"), ldd.Program{Path: "/hello", File: program}, ldd.Env{})
	if err != nil || c.Flavour != ldd.Glibc || len(c.Objects) < 4 {
		skip(t, "no suitable program")
	}
	s := bareSpec()
	s.Program, s.Binary, s.Closure = "/hello", program, c
	writeDirTo(t, assemble(t, s), root)
	// Move all libraries but the loader, and name their folder in ld.so.conf.
	for _, o := range c.Objects[2:] {
		if err := os.MkdirAll(filepath.Join(root, "opt/odd"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(root, o.Real), filepath.Join(root, "opt/odd", o.Soname)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, "etc/ld.so.conf", "/opt/odd\n", 0o644)
	s.Sysroot = ldd.DirFS(root)
	if s.Closure, err = ldd.Resolve(ctx, s.Sysroot, ldd.Program{Path: "/hello", File: program}, ldd.Env{}); err != nil {
		t.Fatal(err)
	}
	tree := assemble(t, s)
	if _, ok := tree.Lookup("/etc/ld.so.cache"); !ok {
		t.Errorf("no cache for:\n%s", s.Closure)
	}
	if _, err := ldd.Verify(ctx, tree, ldd.Program{Path: "/hello"}, ldd.Env{}); err != nil {
		t.Error(err)
	}
}

func TestLibrariesMissing(t *testing.T) {
	s := bareSpec()
	s.Sysroot, s.Closure = usrMerged(t)
	s.Closure.Objects[2].Real = "/usr/lib/gone"
	_, err := Assemble(context.Background(), s)
	wantError(t, err, `adding "/usr/lib/gone" (needed by /hello (ld.so.cache)): file does not exist`)
}

// The same libraries give the same system layer, whatever the program and the user's files are.
func TestSystemLayerIsShared(t *testing.T) {
	dir := project(t)
	system := func(program, files string) string {
		s := bareSpec()
		s.Dir, s.Program, s.Binary = dir, program, write(t, dir, "bin", program, 0o755)
		s.Sysroot, s.Closure = usrMerged(t)
		s.Files = []File{{From: files, To: "/srv/x/"}}
		var got string
		for _, e := range assemble(t, s).Entries() {
			if e.Layer == System {
				got += e.Path + " " + e.String() + "\n"
			}
		}
		return got
	}
	if a, b := system("/hello", "solo"), system("/bye", "conf"); a != b {
		t.Errorf("one has:\n%s\nanother:\n%s", a, b)
	}
}

func TestOpenSSLDir(t *testing.T) {
	tests := []struct{ name, library, want string }{
		{"Debian", "..OPENSSLDIR: \"/usr/lib/ssl\"\x00ENGINESDIR", "/usr/lib/ssl"},
		{"no folder", "libcrypto", ""},
		{"no closing quote", `OPENSSLDIR: "/usr/lib`, ""},
		{"at the end", `OPENSSLDIR: "`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := readOpenSSLDir(Bytes([]byte(tt.library))); got != tt.want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestOpenSSLLinks(t *testing.T) {
	cert, _ := makeCert(t, "a")
	tests := []struct{ name, library, want string }{
		{"Fedora", `OPENSSLDIR: "/etc/pki/tls"`, `
			/etc/pki folder 0755 0:0 system
			/etc/pki/tls folder 0755 0:0 system
			/etc/pki/tls/cert.pem link to /etc/ssl/certs/ca-certificates.crt system
			/etc/pki/tls/certs link to /etc/ssl/certs system`},
		{"Alpine has both already", `OPENSSLDIR: "/etc/ssl"`, ""},
		{"relative", `OPENSSLDIR: "ssl"`, ""},
		{"none", ``, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sys := makeTree(t, "/lib/libcrypto.so.3="+tt.library)
			s := Spec{Sysroot: sys, Certificates: Certificates{Bundle: write(t, t.TempDir(), "b", cert, 0o600)}}
			s.Closure = &ldd.Closure{Objects: []*ldd.Object{{Path: "/x"}, {Path: "/lib/libcrypto.so.3", Real: "/lib/libcrypto.so.3"}}}
			want(t, lines(assemble(t, s), "/etc/pki", "/ssl"), tt.want)
		})
	}
}
