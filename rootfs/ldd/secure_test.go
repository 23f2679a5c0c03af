//go:build linux && amd64

package ldd

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The loader does not trust the user who starts a set-ID program, and it prints no list for one. So the
// programs are really run, and report which library they got.
func TestSecure(t *testing.T) {
	if os.Getuid() != 0 {
		skip(t, "only root makes set-ID programs for another user")
	}
	need(t, "gcc")
	dir := sharedDir(t)
	for name, which := range map[string]string{"rel": "1", "abs": "2", "env": "3", "usr/lib": "4", "mid/rel": "5"} {
		gcc(t, dir, name+"/liba.so", "int which(void){return "+which+";}", "-shared", "-fPIC", "-Wl,-soname,liba.so")
	}
	for name, tt := range map[string]struct {
		runpath string
		env     string
		give    func(t *testing.T, name string) // makes it secure
		want    string                          // the folder of the library
	}{
		"a path":                         {"/abs", "", setID, "abs"},
		"LD_LIBRARY_PATH does not count": {"/abs2", "/env", setID, "usr/lib"},
		"ORIGIN leads nowhere":           {"$ORIGIN/../rel:/abs", "", setID, "abs"},
		"ORIGIN that is not first":       {"/mid$ORIGIN:/abs", "", setID, "abs"},
		"ORIGIN in a trusted folder":     {"${ORIGIN}/../usr/lib", "", setID, "usr/lib"},
		"capabilities":                   {"/abs2", "/env", setCapabilities(1<<10, 1), "usr/lib"},
		"permitted capabilities alone":   {"$ORIGIN/../rel:/abs", "/env", setCapabilities(1<<10, 0), "abs"},
		"no capabilities":                {"/abs2", "/env", setCapabilities(0, 0), "env"},
	} {
		t.Run(name, func(t *testing.T) {
			prog := filepath.Join(dir, "bin/prog")
			gcc(t, dir, "bin/prog", "int which(void); int main(void){return which();}", "-L"+dir+"/rel", "-l:liba.so", "-Wl,-rpath,"+tt.runpath)
			sys, env := overlay{DirFS(dir), DirFS("/")}, Env{LibraryPath: tt.env}
			told, err := Resolve(context.Background(), sys, Program{Path: "/bin/prog", File: prog, Secure: name != "no capabilities"}, env)
			if err != nil {
				t.Fatal(err)
			}
			tt.give(t, prog)
			c, err := Resolve(context.Background(), sys, Program{Path: "/bin/prog"}, env)
			if err != nil {
				t.Fatal(err)
			}
			if told.String() != c.String() {
				t.Errorf("before the file had them: got\n%swith them\n%s", told, c)
			}
			o, ok := c.Lookup("liba.so")
			if !ok || filepath.Dir(o.Real) != "/"+tt.want {
				t.Errorf("got %+v, want %s", o, tt.want)
			}
			root := secureRoot(t, dir, c)
			tt.give(t, filepath.Join(root, "bin/prog"))
			want := map[string]int{"rel": 1, "abs": 2, "env": 3, "usr/lib": 4, "mid/rel": 5}[tt.want]
			if got, out := runSecure(t, root, "LD_LIBRARY_PATH="+tt.env); got != want {
				t.Errorf("the program got library %d, want %d: %s", got, want, out)
			}
		})
	}
}

// The loader of musl does not expand $ORIGIN of a program that it does not trust. One in the program's own path voids the whole path.
func TestSecureMusl(t *testing.T) {
	if os.Getuid() != 0 {
		skip(t, "only root makes set-ID programs for another user")
	}
	need(t, "musl-gcc")
	dir := sharedDir(t)
	compile := func(out, source string, args ...string) {
		t.Helper()
		write(t, filepath.Join(dir, out+".c"), []byte(source))
		run(t, dir, "musl-gcc", append([]string{"-o", out, out + ".c"}, args...)...)
	}
	codes := map[string]int{"rel": 1, "abs": 2, "env": 3, "usr/lib/x86_64-linux-musl": 4}
	for name, code := range codes {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		compile(name+"/liba.so", "int which(void){return "+strconv.Itoa(code)+";}", "-shared", "-fPIC")
	}
	compile("abs/libb.so", "int which(void); int by(void){return which();}", "-shared", "-fPIC", "-Lrel", "-l:liba.so", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../rel")
	for name, tt := range map[string]struct {
		lib, function string // that the program links
		runpath, env  string
		give          func(t *testing.T, name string) // makes it secure
		want          string                          // the folder of liba.so
	}{
		"a path":                          {"rel/liba.so", "which", "/abs", "", setCapabilities(1<<10, 1), "abs"},
		"LD_LIBRARY_PATH does not count":  {"rel/liba.so", "which", "/abs2", "/env", setCapabilities(1<<10, 1), "usr/lib/x86_64-linux-musl"},
		"ORIGIN voids the path":           {"rel/liba.so", "which", "$ORIGIN/../rel:/abs", "", setCapabilities(1<<10, 1), "usr/lib/x86_64-linux-musl"},
		"ORIGIN of a set-ID program":      {"rel/liba.so", "which", "/abs:${ORIGIN}/../rel", "", setID, "usr/lib/x86_64-linux-musl"},
		"ORIGIN of a library does count":  {"abs/libb.so", "by", "/abs", "", setCapabilities(1<<10, 1), "rel"},
		"permitted capabilities alone":    {"rel/liba.so", "which", "$ORIGIN/../rel", "/env", setCapabilities(1<<10, 0), "usr/lib/x86_64-linux-musl"},
		"no capabilities":                 {"rel/liba.so", "which", "$ORIGIN/../rel:/abs", "", setCapabilities(0, 0), "rel"},
		"no capabilities, but a variable": {"rel/liba.so", "which", "$ORIGIN/../rel:/abs", "/env", setCapabilities(0, 0), "env"},
	} {
		t.Run(name, func(t *testing.T) {
			prog := filepath.Join(dir, "bin/prog")
			if err := os.MkdirAll(filepath.Dir(prog), 0o755); err != nil {
				t.Fatal(err)
			}
			compile("bin/prog", "int "+tt.function+"(void); int main(void){return "+tt.function+"();}", "-L"+filepath.Dir(tt.lib), "-l:"+filepath.Base(tt.lib), "-Wl,--allow-shlib-undefined,-rpath,"+tt.runpath)
			tt.give(t, prog)
			c, err := Resolve(context.Background(), overlay{DirFS(dir), DirFS("/")}, Program{Path: "/bin/prog"}, Env{LibraryPath: tt.env})
			if err != nil {
				t.Fatal(err)
			}
			if o, ok := c.Lookup("liba.so"); !ok || filepath.Dir(o.Real) != "/"+tt.want {
				t.Errorf("got %+v, want %s", o, tt.want)
			}
			root := secureRoot(t, dir, c)
			tt.give(t, filepath.Join(root, "bin/prog"))
			if got, out := runSecure(t, root, "LD_LIBRARY_PATH="+tt.env); got != codes[tt.want] {
				t.Errorf("the program got library %d, want %d: %s", got, codes[tt.want], out)
			}
		})
	}
}

// The error for a library that only an untrusted path leads to says so.
func TestSecureMissing(t *testing.T) {
	need(t, "gcc")
	dir := t.TempDir()
	gcc(t, dir, "lib/libnowhere.so", "int f(void){return 0;}", "-shared", "-fPIC", "-Wl,-soname,libnowhere.so")
	for name, args := range map[string][]string{"RUNPATH": {"-Wl,-rpath,$ORIGIN/../lib"}, "LD_LIBRARY_PATH": nil} {
		gcc(t, dir, "bin/prog", "int f(void); int main(void){return f();}", append([]string{"-Llib", "-l:libnowhere.so"}, args...)...)
		p, env := Program{Path: filepath.Join(dir, "bin/prog")}, Env{}
		if name == "LD_LIBRARY_PATH" {
			env.LibraryPath = dir + "/lib"
		}
		if _, err := Resolve(context.Background(), DirFS("/"), p, env); err != nil {
			t.Errorf("%s: without capabilities: %v", name, err)
		}
		p.Secure = true
		_, err := Resolve(context.Background(), DirFS("/"), p, env)
		if err == nil || !strings.Contains(err.Error(), "\nfix: libnowhere.so is in "+dir) || !strings.HasSuffix(err.Error(), "the loader ignores LD_LIBRARY_PATH and $ORIGIN: link it with an absolute path that the image has too, -Wl,-rpath,/usr/local/lib") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Names of libraries must not contain a token in a set-ID program, for any token and any object.
func TestSecureTokens(t *testing.T) {
	if os.Getuid() != 0 {
		skip(t, "only root makes set-ID programs for another user")
	}
	need(t, "gcc")
	for name, tt := range map[string]struct {
		soname string // of the library
		by     string // the object that needs it
		code   int
	}{
		"of the program":   {"$ORIGIN/../usr/lib/liba.so", "prog", 127},
		"LIB":              {"/usr/${LIB}/liba.so", "prog", 127},
		"of a library":     {"$ORIGIN/liba.so", "library", 127},
		"not quite one":    {"/usr/lib/$ORIGINAL.so", "prog", 4},
		"without any":      {"/usr/lib/liba.so", "prog", 4},
		"none of a lib":    {"/usr/lib/liba.so", "library", 4},
		"in an empty name": {"$", "prog", 127}, // not a token, and no library has that name
	} {
		t.Run(name, func(t *testing.T) {
			dir := sharedDir(t)
			const source = "int which(void){return 4;}"
			gcc(t, dir, "usr/lib/liba.so", source, "-shared", "-fPIC", "-Wl,-soname,"+tt.soname)
			lib, _ := os.ReadFile(filepath.Join(dir, "usr/lib/liba.so"))
			write(t, filepath.Join(dir, "usr/lib/$ORIGINAL.so"), lib)
			by := []string{"-Lusr/lib", "-l:liba.so"}
			if tt.by == "library" {
				gcc(t, dir, "usr/lib/libby.so", "int which(void); int by(void){return which();}", append(by, "-shared", "-fPIC", "-Wl,-soname,libby.so")...)
				gcc(t, dir, "bin/prog", "int by(void); int main(void){return by();}", "-Lusr/lib", "-l:libby.so", "-Wl,--allow-shlib-undefined")
			} else {
				gcc(t, dir, "bin/prog", "int which(void); int main(void){return which();}", by...)
			}
			setID(t, filepath.Join(dir, "bin/prog"))
			c, err := Resolve(context.Background(), overlay{DirFS(dir), DirFS("/")}, Program{Path: "/bin/prog"}, Env{})
			var refused *LoadError
			if errors.As(err, &refused) != (tt.code == 127 && tt.soname != "$") || (err == nil) != (tt.code == 4) {
				t.Errorf("got %v", err)
			}
			if refused != nil && (!strings.Contains(err.Error(), "DST not allowed in SUID/SGID programs\nfix: link ") || refused.Path != tt.soname) {
				t.Errorf("got %v", err)
			}
			if c == nil || err != nil {
				if c, err = Resolve(context.Background(), DirFS("/"), Program{Path: "/bin/true"}, Env{}); err != nil {
					t.Fatal(err)
				}
			}
			root := secureRoot(t, dir, c)
			setID(t, filepath.Join(root, "bin/prog"))
			if code, out := runSecure(t, root); code != tt.code {
				t.Errorf("the program ended with %d, want %d: %s", code, tt.code, out)
			}
		})
	}
}

// secureRoot ships a closure and everything that was compiled in a folder, without set-ID bits.
func secureRoot(t *testing.T, dir string, c *Closure) string {
	t.Helper()
	root := sharedDir(t)
	ship(t, c, root)
	files := hostFiles(t, func(name string) bool { return !strings.HasSuffix(name, ".c") }, dir)
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(root, strings.TrimPrefix(name, dir))
		_ = os.Remove(to)
		write(t, to, data)
	}
	return root
}

// runSecure runs the program of a root as a user whom it does not trust.
func runSecure(t *testing.T, root string, env ...string) (code int, out string) {
	t.Helper()
	done, err := mountProc(root)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	cmd := exec.Command("/bin/prog")
	cmd.Dir, cmd.SysProcAttr = "/", inRoot(root, "/").SysProcAttr
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	cmd.Env = env
	text, err := cmd.CombinedOutput() // the exit code is the result
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// setCapabilities returns a function that gives a program capabilities. permitted has the bits of the first 32;
// effective is 1 if they take effect.
func setCapabilities(permitted, effective uint32) func(t *testing.T, name string) {
	return func(t *testing.T, name string) {
		t.Helper()
		o := binary.LittleEndian
		data := o.AppendUint32(nil, 0x02000000|effective) // VFS_CAP_REVISION_2
		data = o.AppendUint32(data, permitted)
		data = append(data, make([]byte, 12)...)
		if permitted|effective == 0 {
			o.PutUint32(data[8:], 1<<10) // inheritable
		}
		if err := syscall.Setxattr(name, "security.capability", data, 0); err != nil {
			skip(t, "files cannot have capabilities here: "+err.Error())
		}
	}
}

// sharedDir returns a folder that everybody may enter.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name := dir; strings.HasPrefix(name, os.TempDir()+"/"); name = filepath.Dir(name) {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// setID makes a program set-user-ID of another user.
func setID(t *testing.T, name string) {
	t.Helper()
	if err := os.Chown(name, 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
}
