package ldd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// The error for missing libraries, as a user reads it.
func TestMissingMessage(t *testing.T) {
	prog := fakeELF{Needed: []string{"libvips.so.42", "liba.so", "libc.so.6"}, Runpath: "$ORIGIN/../lib:/opt/acme"}
	sys := sysroot(prog, memFS{
		"lib/liba.so":            string(fakeELF{Needed: []string{"libunheard.so.7"}}.Bytes()),
		"opt/acme/libvips.so.42": string(fakeELF{Machine: 183}.Bytes()),
	})
	c, err := resolveIn(sys)
	want := `resolving the libraries of "/bin/prog": library "libvips.so.42" not found, needed by "/bin/prog"
searched:
  /bin/../lib (RUNPATH of /bin/prog)
  /opt/acme (RUNPATH of /bin/prog), /opt/acme/libvips.so.42 is for EM_AARCH64
  /etc/ld.so.cache (does not exist)
  /lib/x86_64-linux-gnu (trusted directory)
  /usr/lib/x86_64-linux-gnu (trusted directory)
  /lib (trusted directory)
  /usr/lib (trusted directory)
library "libunheard.so.7" not found, needed by "/bin/../lib/liba.so"
searched:
  /etc/ld.so.cache (does not exist)
  /lib/x86_64-linux-gnu (trusted directory)
  /usr/lib/x86_64-linux-gnu (trusted directory)
  /lib (trusted directory)
  /usr/lib (trusted directory)
fix: apt-get install libvips-dev; install the package that this command prints: apt-file search libunheard.so.7`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var first *NotFoundError
	if !errors.As(err, &first) || first.Package != "libvips-dev" {
		t.Errorf("errors.As: %+v", first)
	}
	if c == nil || len(c.Objects) != 5 {
		t.Errorf("the closure without the missing libraries is not returned: %v", c)
	}
}

// locked is a sysroot with one file that cannot be opened.
type locked struct {
	memFS
	name string
}

func (l locked) Open(name string) (fs.File, error) {
	if name == l.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.memFS.Open(name)
}

// An unreadable library counts as absent. The loader's error says that there is no such file; this error names
// the cause.
func TestUnreadable(t *testing.T) {
	lib := string(fakeELF{}.Bytes())
	sys := sysroot(fakeELF{Needed: []string{"liba.so"}, Runpath: "/a:/b"}, memFS{"a/liba.so": lib, "b/liba.so": lib})
	c, err := resolveIn(locked{sys, "a/liba.so"})
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := c.Lookup("liba.so"); !ok || o.Path != "/b/liba.so" {
		t.Errorf("got %+v", o)
	}
	delete(sys, "b/liba.so")
	if _, err := resolveIn(locked{sys, "a/liba.so"}); err == nil || !strings.Contains(err.Error(), "/a (RUNPATH of /bin/prog), /a/liba.so cannot be read") {
		t.Errorf("got %v", err)
	}
}

// The error for a wrong library, as a user reads it.
func TestLoadMessage(t *testing.T) {
	sys := sysroot(fakeELF{Needed: []string{"liba.so"}, Runpath: "/opt"}, memFS{"opt/liba.so": "/* GNU ld script */ INPUT(/opt/liba.so.1) AS_NEEDED(libb.so.2)   "})
	const want = `resolving the libraries of "/bin/prog": loading "/opt/liba.so" for "/bin/prog": invalid ELF header: not an ELF file: it starts with "/* G"
fix: replace the file with the library for the program's platform, or remove its folder from the search path`
	if _, err := resolveIn(sys); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// The advice matches the distribution of the sysroot.
func TestAdvice(t *testing.T) {
	for name, tt := range map[string]struct{ release, want string }{
		"Debian": {"ID=debian\n", "apt-get install zlib1g-dev"},
		"Ubuntu": {"ID=ubuntu\nID_LIKE=debian\n", "apt-get install zlib1g-dev"},
		"Alpine": {"NAME=\"Alpine Linux\"\nID=alpine\n", "apk add so:libz.so.1"},
		"Rocky":  {"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "dnf install '*/libz.so.1'"},
		"Arch":   {"ID=arch\n", "pacman -F libz.so.1"},
		"none":   {"", "apt-get install zlib1g-dev"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := resolveIn(sysroot(fakeELF{Needed: []string{"libz.so.1"}}, memFS{"usr/lib/os-release": tt.release}))
			if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// The error for a library that exists outside of the search path names its folder.
func TestAdviceElsewhere(t *testing.T) {
	sys := sysroot(fakeELF{Needed: []string{"libz.so.1"}}, memFS{"usr/local/lib/libz.so.1": "x"})
	const want = "fix: libz.so.1 is in /usr/local/lib, where the loader does not look: run ldconfig, or link with -Wl,-rpath,/usr/local/lib"
	if _, err := resolveIn(sys); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

// The error for a library that lies below a folder of libraries names its path: the program can open that.
func TestAdviceBelow(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range sysroot(fakeELF{}, memFS{"usr/lib/odbc/libdriver.so": "x", "usr/lib/odbc/libdriver2.so/file": "x"}) {
		write(name, text)
	}
	resolve := func(p Program) error {
		_, err := Resolve(context.Background(), DirFS(root), p, Env{})
		return err
	}
	const want = "fix: libdriver.so is in /usr/lib/odbc, where the loader does not look: name it by its path, /usr/lib/odbc/libdriver.so"
	if err := resolve(Program{Path: "/bin/prog", Opens: []string{"libdriver.so"}}); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if err := resolve(Program{Path: "/bin/prog", Opens: []string{"libdriver2.so"}}); err == nil || strings.Contains(err.Error(), "by its path") {
		t.Errorf("a folder: got %v", err)
	}
	write("bin/prog", sysroot(fakeELF{Needed: []string{"libdriver.so"}}, nil)["bin/prog"])
	if err := resolve(Program{Path: "/bin/prog"}); err == nil || !strings.Contains(err.Error(), "link with -Wl,-rpath,/usr/lib/odbc") {
		t.Errorf("got %v", err)
	}
}

func TestPrograms(t *testing.T) {
	ctx := context.Background()
	t.Run("static", func(t *testing.T) {
		c, err := Resolve(ctx, memFS{"bin/prog": string(fakeELF{}.Bytes())}, Program{Path: "/bin/prog"}, Env{})
		if err != nil || c.Flavour != Static || c.Loader != "" || len(c.Objects) != 1 || c.cacheFile() != nil {
			t.Errorf("got %v, %v", c, err)
		}
	})
	t.Run("with a loader and no library", func(t *testing.T) {
		c, err := resolveIn(sysroot(fakeELF{}, nil))
		if err != nil || c.Flavour != Glibc || len(c.Objects) != 2 || len(c.Optional) != 0 {
			t.Errorf("got %v, %v", c, err)
		}
	})
	t.Run("without an interpreter in the sysroot", func(t *testing.T) {
		_, err := resolveIn(memFS{"bin/prog": string(fakeELF{Interp: "/lib/ld.so.1"}.Bytes())})
		var missing *NotFoundError
		if !errors.As(err, &missing) || missing.Soname != "/lib/ld.so.1" || !strings.Contains(err.Error(), "\nfix: ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("libgcc_s is added", func(t *testing.T) {
		c, err := resolveIn(sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil))
		if err != nil {
			t.Fatal(err)
		}
		o, ok := c.Lookup(libgcc)
		if !ok || !strings.HasPrefix(o.By, "opened by glibc") || o.NeededBy.Soname != "libc.so.6" {
			t.Errorf("got %+v", o)
		}
	})
	t.Run("libgcc_s may be missing", func(t *testing.T) {
		sys := sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil)
		delete(sys, "lib/x86_64-linux-gnu/libgcc_s.so.1")
		c, err := resolveIn(sys)
		if err != nil || len(c.Optional) != 1 || c.Optional[0].Soname != libgcc || c.Optional[0].Package != "libgcc-s1" {
			t.Errorf("got %v, %v", c, err)
		}
	})
	t.Run("a library", func(t *testing.T) {
		if c, err := resolveIn(memFS{"bin/prog": string(fakeELF{Needed: []string{"libc.so.6"}}.Bytes())}); err == nil || !strings.Contains(err.Error(), "it is a library itself") {
			t.Errorf("got %v, %v", c, err)
		}
	})
	t.Run("relative", func(t *testing.T) {
		if _, err := Resolve(ctx, memFS{}, Program{Path: "bin/prog"}, Env{}); err == nil {
			t.Error("no error for a relative path")
		}
	})
	t.Run("not there", func(t *testing.T) {
		if _, err := resolveIn(memFS{}); err == nil || !strings.Contains(err.Error(), `"/bin/prog"`) {
			t.Errorf("got %v", err)
		}
	})
}

// A program from a file of the host has its Path as place: $ORIGIN is the folder of Path.
func TestProgramFile(t *testing.T) {
	prog := fakeELF{Interp: "/lib64/ld-linux-x86-64.so.2", Needed: []string{"liba.so"}, Runpath: "$ORIGIN/../lib"}
	file := filepath.Join(t.TempDir(), "built")
	write(t, file, prog.Bytes())
	sys := sysroot(fakeELF{}, memFS{"srv/real/lib/liba.so": string(fakeELF{}.Bytes()), "app": "-> srv/real"})
	c, err := Resolve(context.Background(), sys, Program{Path: "/app/bin/prog", File: file}, Env{})
	if err == nil {
		t.Fatalf("/app/bin does not exist, but $ORIGIN/../lib was found:\n%v", c)
	}
	sys["srv/real/bin/other"] = ""
	c, err = Resolve(context.Background(), sys, Program{Path: "/app/bin/prog", File: file}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Program(); p.Real != "/srv/real/bin/prog" || c.Objects[2].Path != "/srv/real/bin/../lib/liba.so" {
		t.Errorf("program at %s:\n%v", p.Real, c)
	}
}

// The RPATH of the program applies to all objects, even to the dependencies of a library that was opened later.
func TestOpensAndRpath(t *testing.T) {
	sys := sysroot(fakeELF{Rpath: "/opt/lib"}, memFS{
		"opt/plugin.so":     string(fakeELF{Needed: []string{"libdep.so"}}.Bytes()),
		"opt/lib/libdep.so": string(fakeELF{}.Bytes()),
	})
	c, err := Resolve(context.Background(), sys, Program{Path: "/bin/prog", Opens: []string{"/opt/plugin.so"}}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := c.Lookup("libdep.so"); !ok || o.By != "RPATH of /bin/prog" {
		t.Errorf("got %+v", o)
	}
}

// A library that the program opens is found as its own code would find it, with its dependencies.
func TestOpens(t *testing.T) {
	for name, loader := range map[string]string{
		"glibc": string(fakeLoader), "musl": string(elftest.WithConstants(fakeELF{}.Bytes(), "%.*s/etc/ld-musl-x86_64.path")),
	} {
		t.Run(name, func(t *testing.T) {
			sys := sysroot(fakeELF{Runpath: "/opt/lib"}, memFS{
				"lib64/ld-linux-x86-64.so.2": loader,
				"opt/lib/plugin.so":          string(fakeELF{Needed: []string{"libdep.so"}, Runpath: "$ORIGIN/deps"}.Bytes()),
				"opt/lib/deps/libdep.so":     string(fakeELF{}.Bytes()),
			})
			p := Program{Path: "/bin/prog", Opens: []string{"plugin.so", "/opt/lib/plugin.so"}}
			c, err := Resolve(context.Background(), sys, p, Env{})
			if err != nil || len(c.Objects) != 4 {
				t.Fatalf("got %v, %v", c, err)
			}
			if got := c.Objects[2].By; got != "opened by the program (dlopen), found by RUNPATH of /bin/prog" {
				t.Errorf("reason %q", got)
			}
			p.Opens = []string{"libnone.so"}
			if _, err := Resolve(context.Background(), sys, p, Env{}); err == nil || !strings.Contains(err.Error(), `library "libnone.so" not found`) {
				t.Errorf("got %v", err)
			}
		})
	}
}
