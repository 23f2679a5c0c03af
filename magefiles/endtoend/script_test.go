package endtoend_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// TestScripts runs what a user does: the files of a project, the commands, and what they print. Each file of
// testdata/script is one case; "go doc github.com/rogpeppe/go-internal/testscript" has the commands. These are added:
//
//	need PROGRAM...          skips the script if a program is not installed; with CI=true it fails
//	fails CODE COMMAND...    runs a command, which must end with the exit code
//
// A script begins in the folder of its project, which is $WORK, or $WORK/hello if it has files there. A project without
// go.mod gets that of the hello example, so its image is named hello. $PLATFORM is this machine's, as "linux/amd64";
// $REPOSITORY is the root of this repository.
func TestScripts(t *testing.T) {
	t.Parallel()
	primed.Do(func() { prime(t) })
	bin := t.TempDir()
	if err := os.Symlink(testkit.Program(t, "github.com/magefile/mage"), filepath.Join(bin, "mage")); err != nil {
		t.Fatal(err)
	}
	mod := example(t, "hello")
	// Nothing is loaded into an engine unless the script sets another IMAGE_OUTPUT.
	env := environ(t, []string{hashFast, "IMAGE_OUTPUT=archive", "PLATFORM=linux/" + runtime.GOARCH, "REPOSITORY=" + root(t),
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")})
	deadline, _ := t.Deadline()
	testscript.RunT(scriptT{t}, testscript.Params{
		Dir:                "testdata/script",
		Deadline:           deadline,
		WorkdirRoot:        t.TempDir(), // testscript's own stays if -run selects some of the scripts
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(slices.Clone(env), "WORK="+e.WorkDir)
			e.Values[testKey{}] = e.T()
			project := filepath.Join(e.WorkDir, "hello")
			if _, err := os.Stat(project); err != nil {
				project = e.WorkDir
			}
			e.Cd = project
			if _, err := os.Stat(filepath.Join(project, "go.mod")); err == nil {
				return nil
			}
			return errors.Join(copyFile(mod, project, "go.mod"), copyFile(mod, project, "go.sum"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"need": need, "fails": fails},
	})
}

// scriptT is a test that is a script. It never prints the environment, which may have secrets.
type scriptT struct{ *testing.T }

func (t scriptT) Run(name string, do func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { do(scriptT{t}) })
}

func (scriptT) Verbose() bool { return false }

func need(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: need PROGRAM...")
	}
	t, _ := ts.Value(testKey{}).(scriptT)
	testkit.Need(t, args...)
}

// testKey is the key of the scriptT in a script's values.
type testKey struct{}

func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Check(err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func copyFile(from, to, name string) error {
	content, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		return fmt.Errorf("reading %s of the hello example: %w", name, err)
	}
	return os.WriteFile(filepath.Join(to, name), content, 0o644)
}
