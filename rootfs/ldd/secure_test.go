//go:build linux && amd64

package ldd

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Set-ID programs are started by somebody whom the loader does not trust. They are run for real here: the
// loader lists nothing for them. Each tells which library it got.
func TestSecure(t *testing.T) {
	if os.Getuid() != 0 {
		skip(t, "only root makes set-ID programs for another user")
	}
	need(t, "gcc")
	dir := shared(t)
	for name, which := range map[string]string{"rel": "1", "abs": "2", "env": "3", "usr/lib": "4", "mid/rel": "5"} {
		gcc(t, dir, name+"/liba.so", "int which(void){return "+which+";}", "-shared", "-fPIC", "-Wl,-soname,liba.so")
	}
	for name, tt := range map[string]struct {
		runpath string
		env     string
		want    string // the folder of the library, "" when it is missing
	}{
		"a path":                         {"/abs", "", "abs"},
		"LD_LIBRARY_PATH does not count": {"/abs2", "/env", "usr/lib"},
		"ORIGIN leads nowhere":           {"$ORIGIN/../rel:/abs", "", "abs"},
		"ORIGIN that is not first":       {"/mid$ORIGIN:/abs", "", "abs"},
		"ORIGIN in a trusted folder":     {"${ORIGIN}/../usr/lib", "", "usr/lib"},
	} {
		t.Run(name, func(t *testing.T) {
			prog := filepath.Join(dir, "bin/prog")
			gcc(t, dir, "bin/prog", "int which(void); int main(void){return which();}", "-L"+dir+"/rel", "-l:liba.so", "-Wl,-rpath,"+tt.runpath)
			p := Program{Path: "/bin/prog"}
			setID(t, prog)
			sys := overlay{DirFS(dir), DirFS("/")}
			c, err := Resolve(context.Background(), sys, p, Env{LibraryPath: tt.env})
			if err != nil {
				t.Fatal(err)
			}
			o, ok := c.Lookup("liba.so")
			if !ok || filepath.Dir(o.Real) != "/"+tt.want {
				t.Errorf("got %+v, want %s", o, tt.want)
			}
			root := shared(t)
			for _, name := range []string{"rel/liba.so", "abs/liba.so", "env/liba.so", "usr/lib/liba.so", "mid/rel/liba.so"} {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(root, name), data)
			}
			ship(t, c, root)
			setID(t, filepath.Join(root, "bin/prog"))
			done, err := mountProc(root)
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			cmd := exec.Command("/bin/prog")
			cmd.Dir, cmd.SysProcAttr = "/", inRoot(root, "/").SysProcAttr
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
			cmd.Env = []string{"LD_LIBRARY_PATH=" + tt.env}
			out, _ := cmd.CombinedOutput() // the exit code is the answer
			want := map[string]int{"rel": 1, "abs": 2, "env": 3, "usr/lib": 4, "mid/rel": 5}[tt.want]
			if got := cmd.ProcessState.ExitCode(); got != want {
				t.Errorf("the program got library %d, want %d: %s", got, want, out)
			}
		})
	}
}

// shared is a folder that everybody may enter.
func shared(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name := dir; strings.HasPrefix(name, os.TempDir()+"/"); name = filepath.Dir(name) {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// setID makes a program run as another user.
func setID(t *testing.T, name string) {
	t.Helper()
	if err := os.Chown(name, 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
}
