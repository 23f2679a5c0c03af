package endtoend_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// tag is the tag of every image that these tests load. Nothing else uses it.
const tag = "fromscratch-test"

// root returns the folder of this module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// mageCommand returns a command that runs mage in dir, with env added to a clean environment. It reuses a magefile that
// was compiled in this run, unless env has [anew].
func mageCommand(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	primed.Do(func() { prime(t) })
	env = append([]string{hashFast}, env...)
	return command(t, dir, env, testkit.Program(t, "github.com/magefile/mage"), args...)
}

const (
	// hashFast makes mage compile a magefile only if its text is new.
	hashFast = "MAGEFILE_HASHFAST=1"
	// anew makes mage ask the go command whether the compiled magefile is up to date, as it does by default.
	anew = "MAGEFILE_HASHFAST=0"
)

var primed sync.Once

// prime compiles the worker, which all projects with the same versions share. Otherwise the tests that run first would
// each compile it.
func prime(t *testing.T) {
	t.Helper()
	cmd := command(t, example(t, "hello"), nil, testkit.Program(t, "github.com/magefile/mage"), "imageClean")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compiling the worker: %v\n%s", err, out)
	}
}

// ownCache makes an empty cache of fromscratch that has the compiled worker, and returns the variable for it. The go command's
// cache, which would be beside it, stays.
func ownCache(t *testing.T) string {
	t.Helper()
	primed.Do(func() { prime(t) })
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "fromscratch"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-rp", filepath.Join(cache, "fromscratch/workers"), filepath.Join(dir, "fromscratch")).CombinedOutput(); err != nil {
		t.Fatalf("copying the workers: %v\n%s", err, out)
	}
	if err := os.Symlink(goEnv(t, "GOCACHE"), filepath.Join(dir, "go-build")); err != nil {
		t.Fatal(err)
	}
	return "XDG_CACHE_HOME=" + dir
}

// command returns a command in dir with the environment of [environ].
func command(t *testing.T, dir string, env []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, environ(t, env)
	return cmd
}

// environ returns env, after the environment of this process without the variables that would change what the targets
// do. All commands of a run share one cache of mage.
func environ(t *testing.T, env []string) (all []string) {
	t.Helper()
	shared, err := testkit.Folder()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range os.Environ() {
		key, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(key, "IMAGE_") && !strings.HasPrefix(key, "MAGEFILE_GOCMD") && key != "SOURCE_DATE_EPOCH" {
			all = append(all, v)
		}
	}
	all = append(all, "IMAGE_TAG="+tag, "MAGEFILE_CACHE="+filepath.Join(shared, "magefiles"))
	return append(all, env...)
}

// result is what a command prints and its exit code.
type result struct {
	stdout, stderr string
	code           int
}

func runCommand(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	t.Logf("%s: exit %d\n%s%s", strings.Join(cmd.Args, " "), r.code, r.stdout, r.stderr)
	return r
}

// mage runs mage in dir.
func mage(t *testing.T, dir string, env []string, args ...string) result {
	t.Helper()
	return runCommand(t, mageCommand(t, dir, env, args...))
}

// wantOK fails the test if the command failed.
func (r result) wantOK(t *testing.T) result {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit code %d, want 0", r.code)
	}
	return r
}

// wantError fails the test unless the command ended with the code and its stderr has
// all texts.
func (r result) wantError(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("stderr does not say %q", text)
		}
	}
}

// docker runs the docker command, which must succeed, and returns its stdout.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("docker", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out)
}

// removeImages removes images, by name, when the test ends.
func removeImages(t *testing.T, refs ...string) {
	t.Cleanup(func() {
		exec.CommandContext(context.Background(), "docker", append([]string{"image", "rm", "-f"}, refs...)...).Run()
	})
}

// example copies an example to a temporary folder of the same name, and makes its
// replace directive point to this module.
func example(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	copyTree(t, filepath.Join(root(t), "examples", name), dir)
	pointHere(t, dir)
	return dir
}

// project makes a module like the hello example and writes the given files to it. A
// file with the content "-" is removed.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := example(t, "hello")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if content == "-" {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pointHere makes the replace directive of a copied example point to this module.
func pointHere(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "go.mod")
	mod, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mod = bytes.ReplaceAll(mod, []byte("=> ../.."), []byte("=> "+root(t)))
	if err := os.WriteFile(path, mod, 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyTree copies files and links, but not the dist folder of earlier runs.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		switch {
		case e.IsDir() && e.Name() == "dist":
			return filepath.SkipDir
		case e.IsDir():
			return os.MkdirAll(dst, 0o755)
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, dst)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(dst, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
