package endtoend_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// manifestProject makes a module with the images web, clock and broken. broken cannot be built, and its Before fails.
func manifestProject(t *testing.T, host string) string {
	t.Helper()
	dir := example(t, "files")
	for name, text := range map[string]string{
		"cmd/broken/main.go": "package main\n\nfunc main() { nothing }\n",
		"magefile.go": `//go:build mage

package main

import (
	"context"
	"errors"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

var _ = targets.Configure(
	targets.Config{Main: "./cmd/broken", Repo: "` + host + `/acme/broken", Build: targets.Build{
		Secrets: []string{"FROMSCRATCH_TEST_NOT_SET"},
		Before: func(context.Context, targets.BuildInfo) error { return errors.New("Before of broken runs") },
	}},
	targets.Config{Main: "./cmd/web", Repo: "` + host + `/acme/web"},
	targets.Config{Main: "./cmd/clock", Repo: "` + host + `/acme/clock"},
	targets.Config{Main: "./cmd/clock", Name: "here"},
)
`,
		"k8s/a.yaml": `# image: fromscratch://web
apiVersion: v1
kind: ConfigMap
metadata:
    name: a   # ko://example.com/files/cmd/web
    annotations: {web: "fromscratch://web", text: 'not fromscratch://web'}
data:
  image: |
    ko://example.com/files/cmd/web
---
`,
		"k8s/b.json":    "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\",\n\t\"metadata\": {\"name\": \"b\"}, \"data\": {\"image\": \"fromscratch:\\u002f/web\"}}",
		"k8s/notes.txt": "image: fromscratch://broken\n",
		"k8s/sub/c.yml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {image: fromscratch://clock}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// resolved are the manifests of k8s/ with the reference of web.
const resolved = `# image: fromscratch://web
apiVersion: v1
kind: ConfigMap
metadata:
    name: a   # ko://example.com/files/cmd/web
    annotations: {web: "REF", text: 'not fromscratch://web'}
data:
  image: "REF"
---
---
` + "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\",\n\t\"metadata\": {\"name\": \"b\"}, \"data\": {\"image\": \"REF\"}}"

// digestIn asks a registry for the digest of an image.
func digestIn(t *testing.T, ref string) string {
	t.Helper()
	return strings.TrimSpace(testkit.Output(t, "", "skopeo", "inspect", "--tls-verify=false", "--format={{.Digest}}", "docker://"+ref))
}

// Manifests get the references that the registry has. Only the images that they name are built and pushed.
func TestImageResolve(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "skopeo")
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	dir := manifestProject(t, host)
	refs := filepath.Join(t.TempDir(), "refs")
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock", ownCache(t), "IMAGE_REFS=" + refs}

	r := mage(t, dir, env, "imageResolve", "--", "-f", "k8s").wantOK(t)
	web := host + "/acme/web:" + tag + "@" + digestIn(t, host+"/acme/web:"+tag)
	if want := strings.ReplaceAll(resolved, "REF", web); r.stdout != want {
		t.Errorf("stdout is\n%s\nwant\n%s", r.stdout, want)
	}
	if got, err := os.ReadFile(refs); err != nil || string(got) != web+"\n" {
		t.Errorf("IMAGE_REFS has %q (%v)", got, err)
	}
	if got := get(t, "http://"+host+"/v2/_catalog"); got != `{"repositories":["acme/web"]}`+"\n" {
		t.Errorf("the registry has %s", got)
	}
	if built, err := os.ReadDir(filepath.Join(dir, "dist")); err != nil || len(built) != 1 || built[0].Name() != "web" {
		t.Errorf("dist has %v (%v), want web alone", built, err)
	}

	// Standard input, and folders below.
	cmd := mageCommand(t, dir, env, "imageResolve", "--", "--filename=-", "-Rf", "k8s/sub")
	cmd.Stdin = strings.NewReader("image: fromscratch://clock\r\n")
	r = runCommand(t, cmd).wantOK(t)
	clock := host + "/acme/clock:" + tag + "@" + digestIn(t, host+"/acme/clock:"+tag)
	if want := "image: " + clock + "\r\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {image: " + clock + "}\n"; r.stdout != want {
		t.Errorf("stdout is\n%q\nwant\n%q", r.stdout, want)
	}
	// Manifests without an image.
	none := filepath.Join(dir, "none.yaml")
	if err := os.WriteFile(none, []byte("a: fromscratch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := mage(t, dir, env, "imageResolve", "--", "-f", none).wantOK(t); r.stdout != "a: fromscratch\n" || !strings.Contains(r.stderr, "nothing is built") {
		t.Errorf("stdout is %q", r.stdout)
	}
}

// A program that a Before completes is known by its name and its import path.
func TestImageResolveGenerated(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	dir := project(t, map[string]string{
		"main.go": "package main\n\nimport \"example.com/hello/made\"\n\nfunc main() { println(made.Word) }\n",
		"k.yaml":  "[fromscratch://hello, ko://example.com/hello]\n",
		"magefile.go": magefileWith(`Repo: "` + host + `/acme/hello", Build: targets.Build{Before: func(context.Context, targets.BuildInfo) error {
			os.Mkdir("made", 0o755)
			return os.WriteFile("made/made.go", []byte("package made\n\nconst Word = 1\n"), 0o644)
		}}`),
	})
	pushed := host + "/acme/hello:" + tag + "@sha256:[0-9a-f]{64}"
	r := mage(t, dir, []string{"DOCKER_HOST=unix:///nowhere/docker.sock", ownCache(t)}, "imageResolve", "--", "-f", "k.yaml").wantOK(t)
	if !regexp.MustCompile(`^\[` + pushed + `, ` + pushed + `\]\n$`).MatchString(r.stdout) {
		t.Errorf("stdout is %q", r.stdout)
	}
}

// What is wrong is an error before anything is built, with the file and the line.
func TestImageResolveErrors(t *testing.T) {
	t.Parallel()
	dir := manifestProject(t, "registry.invalid")
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock"}
	for _, test := range []struct {
		name, text string
		env        []string
		args       []string // besides -f x.yaml; nil for a run without arguments
		want       []string
	}{
		{"names", "# x\na: fromscratch://wbe\nb: [ko://example.com/files/cmd/x,\n 'fromscratch://web:1.2']\n", nil, []string{}, []string{
			`x.yaml:2: "fromscratch://wbe" is no image`, `x.yaml:3: "ko://example.com/files/cmd/x" is no image`, `x.yaml:4: "fromscratch://web:1.2" is no image`,
			"fix: write one of fromscratch://broken, ko://example.com/files/cmd/broken, fromscratch://web"}},
		{"a program of two images", "a: ko://example.com/files/cmd/clock\n", nil, []string{}, []string{`x.yaml:1: "ko://example.com/files/cmd/clock" is the program of several images, clock and here`, "fix: "}},
		{"left out", "a: fromscratch://web\n", []string{"IMAGE_NAME=clock"}, []string{}, []string{"x.yaml:1: ", "fix: write one of fromscratch://clock, or unset IMAGE_NAME"}},
		{"a template", "a: {{ .x }}\nb: [", nil, []string{}, []string{`"x.yaml"`, "fix: write them as YAML or JSON"}},
		{"no registry", "a: fromscratch://here\n", nil, []string{}, []string{"fix: set Repo"}},
		{"no file", "", nil, []string{"-f", "none"}, []string{"none", "fix: name files or folders that are there"}},
		{"no arguments", "", nil, nil, []string{"there is no -f", `fix: write "imageResolve -- -f FILE"`}},
		{"no flag", "", nil, []string{"k8s"}, []string{`"k8s" is no flag`, "fix: "}},
		{"an unknown flag", "", nil, []string{"--wait"}, []string{"-wait", "fix: "}},
		{"for kubectl", "", nil, []string{"--", "-n", "x"}, []string{`second "--"`, "fix: "}},
		{"no cluster", "a: fromscratch://web\n", []string{"IMAGE_OUTPUT=kind:a b"}, []string{}, []string{"IMAGE_OUTPUT", "fix: "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "x.yaml"), []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			args := []string{"imageResolve"}
			if test.args != nil {
				args = append(args, append([]string{"--", "-f", "x.yaml"}, test.args...)...)
			}
			r := mage(t, dir, append(test.env, env...), args...)
			r.wantError(t, 2, test.want...)
			if r.stdout != "" {
				t.Errorf("stdout is %q", r.stdout)
			}
			if _, err := os.Stat(filepath.Join(dir, "dist")); !os.IsNotExist(err) {
				t.Errorf("something was built (%v)", err)
			}
		})
	}
	// A registry that is not there is exit code 3, and prints no manifests.
	if r := mage(t, dir, env, "imageResolve", "--", "-f", "k8s"); r.code != 3 || r.stdout != "" {
		t.Errorf("exit code %d, want 3; stdout is %q", r.code, r.stdout)
	}
}

// kubectl gets the manifests with the references and the arguments, and its output and exit code are the target's.
func TestImageApply(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		testkit.Skip(t, "kubectl is a shell script here")
	}
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	dir := manifestProject(t, host)
	bin := t.TempDir()
	// The real kubectl is in TestHeavyKubernetes. Here it says what it gets.
	script := "#!/bin/sh\necho \"$@\"; cat\necho from kubectl >&2\nexit ${CODE:-0}\n"
	if err := os.WriteFile(filepath.Join(bin, "kubectl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock", ownCache(t), "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	args := []string{"imageApply", "--", "-f", "k8s", "--", "--namespace", "a b", "-f", "x"}

	r := mage(t, dir, append(env, "CODE=7"), args...)
	got := regexp.MustCompile(regexp.QuoteMeta(host+"/acme/web:"+tag)+"@sha256:[0-9a-f]{64}").ReplaceAllString(r.stdout, "REF")
	if want := "apply -f - --namespace a b -f x\n" + resolved; got != want || r.code != 7 || !strings.HasSuffix(r.stderr, "from kubectl\n") {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant\n%s", r.code, r.stderr, got, want)
	}
	mage(t, dir, env, args...).wantOK(t)

	// Nothing is applied if a build fails, and nothing is built without kubectl.
	if r := mage(t, dir, append(env, "FROMSCRATCH_TEST_NOT_SET=x"), "imageApply", "--", "-f", "k8s/notes.txt"); r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "Before of broken runs") {
		t.Errorf("exit code %d, stdout is %q", r.code, r.stdout)
	}
	if err := os.RemoveAll(filepath.Join(dir, "dist")); err != nil {
		t.Fatal(err)
	}
	path := pathOf(t, "go")
	mage(t, dir, append(env, "PATH="+path), "imageApply", "--", "-f", "k8s").wantError(t, 2, "kubectl", "fix: install kubectl")
	if _, err := os.Stat(filepath.Join(dir, "dist")); !os.IsNotExist(err) {
		t.Errorf("something was built (%v)", err)
	}
}

// pathOf returns a PATH that has only the named programs of this machine.
func pathOf(t *testing.T, programs ...string) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range programs {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}
