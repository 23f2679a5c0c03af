package release

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// TestInit runs init as a user does, for the modules in testdata/script, with our modules from a proxy in a folder. $INIT is the
// compiled program.
func TestInit(t *testing.T) {
	testkit.Need(t, "git")
	dir := t.TempDir()
	proxy, err := NewProxy(context.Background(), "../..", filepath.Join(dir, "proxy"), "v0.0.1-init")
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), proxy.Environ(filepath.Join(dir, "modules"))...)
	env = append(env, "GOBIN="+dir)
	install := exec.Command("go", "install", mainModule+"/"+targetsDir+"/init@v0.0.1-init")
	install.Dir, install.Env = dir, env
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("compiling init: %v\n%s", err, out)
	}
	testscript.RunT(scriptT{t}, testscript.Params{
		Dir:                "testdata/script",
		WorkdirRoot:        t.TempDir(),
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(slices.Clone(env), "WORK="+e.WorkDir, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			return nil
		},
	})
}

// scriptT is a test that is a script. It never prints the environment, which may have secrets.
type scriptT struct{ *testing.T }

func (t scriptT) Run(name string, do func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { do(scriptT{t}) })
}

func (scriptT) Verbose() bool { return false }

// A module with a replace in go.mod cannot be run by its path and version, so it is not published.
func TestProxyRefusesReplace(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+mainModule+"\n\nreplace example.com/a => ./a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := NewProxy(context.Background(), dir, t.TempDir(), "v1.0.0"); err == nil || !strings.Contains(err.Error(), "has a replace") {
		t.Errorf("the error is %v", err)
	}
}
