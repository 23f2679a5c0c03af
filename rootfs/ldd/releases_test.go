//go:build linux && amd64

package ldd

import (
	"context"
	debugelf "debug/elf"
	"encoding/binary"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// A release is the root of a Debian release, whose programs are compared with its own loader.
type release struct {
	debianRoot
	loader  string
	machine debugelf.Machine
	class   debugelf.Class
	order   binary.ByteOrder
	qemu    string // runs the loader; "" if this machine does
	most    int    // maximum number of files that are compared
}

// The packages are few and have many libraries.
var (
	somePackages = []string{"libc-bin", "bash", "coreutils", "libstdc++6", "curl", "openssl"}
	manyPackages = append([]string{"git", "perl", "systemd", "gnupg", "krb5-user", "gdb", "vim"}, somePackages...)
)

var releases = map[string]release{
	// An older glibc, with capability folders and /lib beside /usr/lib.
	"glibc 2.31": {debianRoot{"bullseye", "amd64", manyPackages}, "/lib64/ld-linux-x86-64.so.2", debugelf.EM_X86_64, debugelf.ELFCLASS64, binary.LittleEndian, "", 1 << 20},
	// A newer glibc than this machine's.
	"glibc 2.41": {debianRoot{"trixie", "amd64", manyPackages}, "/lib64/ld-linux-x86-64.so.2", debugelf.EM_X86_64, debugelf.ELFCLASS64, binary.LittleEndian, "", 1 << 20},

	"i386":    {debianRoot{"trixie", "i386", somePackages}, "/lib/ld-linux.so.2", debugelf.EM_386, debugelf.ELFCLASS32, binary.LittleEndian, "qemu-i386-static", 60},
	"armhf":   {debianRoot{"trixie", "armhf", somePackages}, "/lib/ld-linux-armhf.so.3", debugelf.EM_ARM, debugelf.ELFCLASS32, binary.LittleEndian, "qemu-arm-static", 60},
	"arm64":   {debianRoot{"trixie", "arm64", somePackages}, "/lib/ld-linux-aarch64.so.1", debugelf.EM_AARCH64, debugelf.ELFCLASS64, binary.LittleEndian, "qemu-aarch64-static", 60},
	"s390x":   {debianRoot{"bookworm", "s390x", somePackages}, "/lib/ld64.so.1", debugelf.EM_S390, debugelf.ELFCLASS64, binary.BigEndian, "qemu-s390x-static", 60},
	"ppc64el": {debianRoot{"bookworm", "ppc64el", somePackages}, "/lib64/ld64.so.2", debugelf.EM_PPC64, debugelf.ELFCLASS64, binary.LittleEndian, "qemu-ppc64le-static", 60},
	"riscv64": {debianRoot{"trixie", "riscv64", somePackages}, "/lib/ld-linux-riscv64-lp64d.so.1", debugelf.EM_RISCV, debugelf.ELFCLASS64, binary.LittleEndian, "qemu-riscv64-static", 60},
}

// The multilib loaders next to the machine's own have their own folders, which are read from their binaries.
func TestHeavyMultilibLoaders(t *testing.T) {
	root := debianRoot{"bookworm", "amd64", []string{"libc6-x32", "libc6-i386"}}.root(t)
	for name, tt := range map[string]struct {
		loader  string
		machine debugelf.Machine
		trusted string
		flags   uint32 // in ld.so.cache
	}{
		"x32":  {"/libx32/ld-linux-x32.so.2", debugelf.EM_X86_64, "/libx32/ /usr/libx32/ /lib/ /usr/lib/", flagX32},
		"i386": {"/lib/ld-linux.so.2", debugelf.EM_386, "/lib32/ /usr/lib32/ /lib/ /usr/lib/", flagLibc6},
	} {
		t.Run(name, func(t *testing.T) {
			root := copyTree(t, root)
			lib := filepath.Dir(strings.TrimSuffix(strings.Fields(tt.trusted)[0], "/")+"/x") + "/"
			write(t, filepath.Join(root, "bin/prog"), fakeELF{
				Class32: true, Machine: tt.machine, Interp: tt.loader, Needed: []string{"libm.so.6", "liba.so", "libopt.so"}, Runpath: "/opt/$LIB",
			}.Bytes())
			write(t, filepath.Join(root, "opt", lib, "liba.so"), fakeELF{Class32: true, Machine: tt.machine, Needed: []string{"libc.so.6"}}.Bytes())
			// Of the other class: it is skipped.
			write(t, filepath.Join(root, "usr", lib, "libopt.so"), fakeELF{}.Bytes())
			write(t, filepath.Join(root, "usr/lib/libopt.so"), fakeELF{Class32: true, Machine: tt.machine}.Bytes())
			c, err := Resolve(context.Background(), DirFS(root), Program{Path: "/bin/prog"}, Env{})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(c.loader.trusted, " "); got != tt.trusted || c.loader.lib != strings.Trim(lib, "/") || cacheFlags(c.want) != tt.flags {
				t.Errorf("trusted %s, $LIB %s, flags %#x", got, c.loader.lib, cacheFlags(c.want))
			}
			for name, dir := range map[string]string{"libm.so.6": lib, "libc.so.6": lib, "liba.so": "/opt" + lib, "libopt.so": "/usr/lib/"} {
				if o, ok := c.Lookup(name); !ok || o.Path != dir+name {
					t.Errorf("%s: got %+v, want it in %s", name, o, dir)
				}
			}
			if tt.machine != debugelf.EM_386 {
				return // Debian's kernels do not run it
			}
			r := release{loader: tt.loader, qemu: "qemu-i386-static"}
			need(t, r.qemu)
			r.installQemu(t, root)
			want, err := r.trace(root, c, "/bin/prog")
			if err != nil {
				t.Fatalf("the loader: %v", err)
			}
			if got := traced(c, nil); !slices.Equal(got, want) {
				t.Errorf("got\n  %s\nthe loader\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}

// Every program and library of a release resolves to what its own loader loads, first without ld.so.cache and
// then with the computed one, which that loader has to read.
func TestHeavyReleases(t *testing.T) {
	for name, r := range releases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r.qemu != "" {
				need(t, r.qemu)
			} else if !native(r.machine) {
				skip(t, "this machine does not run it")
			}
			root := copyTree(t, r.root(t))
			if r.qemu != "" {
				r.installQemu(t, root)
			}
			r.compareAll(t, root)
			r.checkSubdirs(t, root)
			r.checkCache(t, root)
			if len(r.levels(t, root)) > 0 {
				r.checkVariants(t, root)
			}
			if name == "glibc 2.41" {
				r.checkNotes(t, root)
			}
		})
	}
}

// native reports whether this machine runs programs for a machine without an emulator.
func native(m debugelf.Machine) bool {
	_, err := os.Stat(map[debugelf.Machine]string{debugelf.EM_X86_64: "/lib64/ld-linux-x86-64.so.2"}[m])
	return err == nil
}

// installQemu puts the emulator, which is static, into the root.
func (r release) installQemu(t *testing.T, root string) {
	t.Helper()
	path, err := exec.LookPath(r.qemu)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "qemu"), data)
}

// command returns a process that runs a program of the root inside the root.
func (r release) command(root string, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = env
	if r.qemu != "" {
		var options []string
		for _, e := range env {
			options = append(options, "-E", e)
		}
		cmd = exec.Command("/qemu", append(options, args...)...)
		cmd.Env = []string{}
	}
	cmd.Dir, cmd.SysProcAttr = "/", inRoot(root, "/").SysProcAttr
	return cmd
}

// trace returns what the release's loader would load for a file of the root.
func (r release) trace(root string, c *Closure, args ...string) ([]string, error) {
	cmd := r.command(root, []string{"LD_TRACE_LOADED_OBJECTS=1"}, append([]string{r.loader}, args...)...)
	out, err := cmd.CombinedOutput()
	return parseTrace(c, string(out)), err
}

// resolve resolves a program or library of the root.
func (r release) resolve(root, name string) (*Closure, error) {
	return Resolve(context.Background(), DirFS(root), Program{Path: name, Interpreter: r.loader}, Env{})
}

// compareAll compares all files of the root.
func (r release) compareAll(t *testing.T, root string) {
	t.Helper()
	var compared, libraries atomic.Int32
	files := r.files(t, root)
	if step := len(files) / r.most; step > 1 {
		var some []string
		for i := 0; i < len(files); i += step {
			some = append(some, files[i])
		}
		files = some
	}
	each(files, func(name string) {
		c, err := r.resolve(root, name)
		if c == nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if c.Flavour == Static {
			return
		}
		compared.Add(1)
		libraries.Add(int32(len(c.Objects)))
		if c.Machine != r.machine || c.Class != r.class || c.want.Order != r.order || c.Flavour != Glibc {
			t.Errorf("%s is for %s %s, %s", name, c.Machine, c.Class, c.want.Order)
		}
		want, oracleErr := r.trace(root, c, name)
		if oracleErr != nil {
			t.Errorf("%s: the loader: %v", name, oracleErr)
			return
		}
		if got := traced(c, err); !slices.Equal(got, want) {
			t.Errorf("%s: got\n  %s\nthe loader\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	})
	t.Logf("%d files were compared, %d objects", compared.Load(), libraries.Load())
	if compared.Load() < 20 {
		t.Error("too few files were compared")
	}
}

// files lists the dynamic ELF files of the root for its machine.
func (r release) files(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		body, err := openHost(name)
		if err != nil {
			return nil
		}
		defer body.Close()
		f, err := elf.Read(body, body.Size)
		if err != nil || f.Machine != r.machine || f.Class != r.class || f.Type != debugelf.ET_DYN && f.Type != debugelf.ET_EXEC {
			return nil
		}
		if _, err := f.Dynamic(); err == nil {
			out = append(out, strings.TrimPrefix(name, root))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkCache moves a library to a folder to which only a cache leads. It must be found without a cache, with
// the cache of the release's own ldconfig, and with the computed one.
func (r release) checkCache(t *testing.T, root string) {
	t.Helper()
	const prog = "/usr/bin/openssl"
	name := r.moveCrypto(t, root, prog)
	cache := filepath.Join(root, "etc/ld.so.cache")
	first, err := r.resolve(root, prog)
	if err != nil || !first.needsConf {
		t.Fatalf("got %v, %v", first, err)
	}
	if o, ok := first.Lookup(name); !ok || o.Path != "/opt/acme/"+name {
		t.Fatalf("%s is %+v", name, o)
	}
	// Symbols, versions and relocations of the machine are verified, too.
	if _, err := Verify(context.Background(), DirFS(root), Program{Path: prog}, Env{}); err != nil {
		t.Error(err)
	}
	imports, err := first.Importers(context.Background(), "dlopen")
	if err != nil || len(imports["dlopen"]) == 0 {
		t.Errorf("who imports dlopen: %v, %v", imports, err)
	}
	if builtin, err := first.NSSBuiltin(); err != nil || builtin != (r.release != "bullseye") {
		t.Errorf("name services are in libc: %t, %v", builtin, err)
	}
	for _, how := range []string{"ldconfig's", "the computed"} {
		if how == "the computed" {
			write(t, cache, first.cacheFile())
		} else if out, err := r.command(root, nil, "/sbin/ldconfig").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		again, err := r.resolve(root, prog)
		if err != nil {
			t.Fatal(err)
		}
		want, err := r.trace(root, first, prog)
		if err != nil || !slices.Equal(traced(first, nil), want) || !slices.Equal(traced(again, nil), want) {
			t.Errorf("with %s cache: got\n%v\nbefore\n%v\nthe loader\n  %s\n%v", how, again, first, strings.Join(want, "\n  "), err)
		}
	}
}

// moveCrypto moves libcrypto into a folder of ld.so.conf.
func (r release) moveCrypto(t *testing.T, root, prog string) string {
	t.Helper()
	c, err := r.resolve(root, prog)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(c.Objects, func(o *Object) bool { return strings.HasPrefix(o.Soname, "libcrypto.so.") })
	if i < 0 {
		t.Fatalf("%s needs no libcrypto:\n%v", prog, c)
	}
	o := c.Objects[i]
	dir := filepath.Join(root, "opt/acme")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, o.Real), filepath.Join(dir, o.Soname)); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(root, "etc/ld.so.conf")
	_ = os.Remove(conf) // a link that other tests use
	write(t, conf, []byte("/opt/acme\ninclude /etc/ld.so.conf.d/*.conf\n"))
	return o.Soname
}
