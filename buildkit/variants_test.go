package buildkit_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// Two images of one main package have the same layer of the program, and IMAGE_TAG applies to both.
func TestVariants(t *testing.T) {
	t.Parallel()
	in := inputs(helloModule(t),
		buildkit.Config{Name: "app", Repo: "r.example/app", Program: "/usr/bin/app", Platforms: []string{"linux/amd64"}},
		buildkit.Config{Name: "app-debug", Repo: "r.example/app", Program: "/usr/bin/app", TagSuffix: "-debug", Platforms: []string{"linux/amd64"}, Env: map[string]string{"DEBUG": "1"}})
	in.Environ = append(in.Environ, "IMAGE_TAG=1.2")
	plans, err := open(t, in).Resolve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var references, entrypoints, programs, configs []string
	err = buildkit.BuildEach(context.Background(), plans, nil, func(_ context.Context, b *buildkit.Result) error {
		layers := b.Image.Layers
		references = append(references, b.Plan.Reference)
		entrypoints = append(entrypoints, b.Plan.Config.Entrypoint...)
		programs = append(programs, layers[len(layers)-1].DiffID.String())
		configs = append(configs, b.Image.ConfigDigest.String())
		if _, err := os.Stat(filepath.Join(b.Plan.Dist().Rootfs(), "usr/bin/app")); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(references)
	if want := []string{"r.example/app:1.2", "r.example/app:1.2-debug"}; !slices.Equal(references, want) {
		t.Errorf("the references are %q, want %q", references, want)
	}
	if want := []string{"/usr/bin/app", "/usr/bin/app"}; !slices.Equal(entrypoints, want) {
		t.Errorf("the entrypoints are %q, want %q", entrypoints, want)
	}
	if programs[0] != programs[1] || configs[0] == configs[1] {
		t.Errorf("the layers of the program are %q of the images %q, want one layer in two images", programs, configs)
	}
	if _, err := resolve(in.Dir, nil, buildkit.Config{Name: "a", Repo: "r.example/app"}, buildkit.Config{Name: "b", Repo: "r.example/app"}); err == nil ||
		!strings.Contains(err.Error(), "set Repo, Tags or TagSuffix") {
		t.Errorf("two images with one reference: %v", err)
	}
}

// A program in another folder than the root starts.
func TestProgramElsewhere(t *testing.T) {
	t.Parallel()
	built := mustBuild(t, helloModule(t), buildkit.Config{Name: "app", Repo: repo + "elsewhere", Program: "/opt/acme/bin/app"})
	if got := output(t, "", "docker", "run", "--rm", load(t, built)); !strings.Contains(got, "hello") {
		t.Errorf("the program says %q", got)
	}
}

// Each platform gets the finished program that is named for it.
func TestBinaryFor(t *testing.T) {
	t.Parallel()
	dir := helloModule(t)
	files := map[string]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		cmd := exec.Command("go", "build", "-o", "out/"+arch+"/app", ".")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		files["linux/"+arch] = "out/" + arch + "/app"
	}
	c := buildkit.Config{BinaryFor: files, Platforms: []string{"linux/amd64", "linux/arm64"}, Files: []config.File{
		{From: "go.mod", To: "/srv/mod", Platforms: []string{"linux/arm64"}},
	}}
	plans, err := resolve(dir, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	err = buildkit.BuildGroups(context.Background(), plans, nil, func(_ context.Context, group []*buildkit.Result) error {
		for _, b := range group {
			want, err := os.ReadFile(filepath.Join(dir, files[b.Plan.Platform.String()]))
			if err != nil {
				return err
			}
			got, err := os.ReadFile(filepath.Join(b.Plan.Dist().Rootfs(), "app"))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s has another program (%v)", b.Plan.Label(), err)
			}
			if _, has := b.Tree.Lookup("/srv/mod"); has != (b.Plan.Platform.Architecture == "arm64") {
				t.Errorf("%s has the file for arm64: %t", b.Plan.Label(), has)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What git says is an input of an image: a commit that changes it makes another image, and one that does not leaves it.
func TestRecallSeesGit(t *testing.T) {
	t.Parallel()
	need(t, "git")
	dir := helloModule(t)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	git("tag", "v1")
	tagged := buildkit.Config{Tags: config.Tags{"{{.Git.Tag}}"}, Created: config.CommitTime, Build: config.Build{LDFlags: "-X main.version={{.Git.Tag}}"}}
	constant := buildkit.Config{Name: "constant", Tags: config.Tags{`{{or .Env.NOT_SET "dev"}}`}}
	for _, c := range []buildkit.Config{tagged, constant} {
		run(t, inputs(dir, c))
		if !stands(t, inputs(dir, c)) {
			t.Errorf("%s: nothing has changed, and the image does not stand", c.Name)
		}
	}
	plans, err := resolve(dir, nil, tagged)
	if err != nil {
		t.Fatal(err)
	}
	if plans[0].Reference != "hello:v1" || plans[0].Config.Created.Unix() < 1e9 || plans[0].Epoch.Unix() != 0 {
		t.Errorf("the image is %s of %s, its files of %s", plans[0].Reference, plans[0].Config.Created, plans[0].Epoch)
	}
	git("commit", "-q", "--allow-empty", "-m", "two")
	git("tag", "v2")
	run(t, inputs(dir, constant))
	if stands(t, inputs(dir, tagged)) {
		t.Error("there is another tag, and the image stands")
	}
	if !stands(t, inputs(dir, constant)) {
		t.Error("git has another commit, and an image that does not ask for it does not stand")
	}
}

// A template that a variable replaces is not evaluated: there is no git here.
func TestVariablesReplaceTemplates(t *testing.T) {
	t.Parallel()
	c := buildkit.Config{Tags: config.Tags{"{{.Git.Tag}}", "latest"}, Created: config.CommitTime}
	env := []string{"IMAGE_TAG=1.2", "SOURCE_DATE_EPOCH=86400"}
	plans, err := resolve(helloModule(t), env, c)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"hello:1.2", "hello:latest"}; !slices.Equal(plans[0].References(), want) || plans[0].Config.Created.Unix() != 86400 {
		t.Errorf("the image is %q of %s, want %q of 1970-01-02", plans[0].References(), plans[0].Config.Created, want)
	}
	for i := range env {
		if _, err := resolve(helloModule(t), env[i:i+1], c); err == nil || !strings.Contains(err.Error(), "is in no git repository") {
			t.Errorf("with %s alone: %v", env[i], err)
		}
	}
}

// What an image asks for that is not selected is not needed: there are no git and no secret here.
func TestUnselectedIsNotEvaluated(t *testing.T) {
	t.Parallel()
	dir := two(t)
	asking := buildkit.Config{Main: "./cmd/web", Tags: config.Tags{"{{.Git.Tag}}"}, Build: config.Build{
		LDFlags: "-X main.version={{.Git.Tag}}", Secrets: []string{"FROMSCRATCH_NOT_SET"},
	}}
	plain := buildkit.Config{Main: "./cmd/worker"}
	plans, err := resolve(dir, []string{"IMAGE_NAME=worker"}, asking, plain)
	if err != nil || len(plans) != 1 {
		t.Errorf("%d plans, %v", len(plans), err)
	}
	if _, err := resolve(dir, nil, asking, plain); err == nil {
		t.Error("both are selected, and nothing is missing")
	}
}

// teller is a -toolexec program that writes to a file what it is told, or fails with it.
const teller = `#!/bin/sh
if [ -n "$TELL" ]; then printf '%s %s\n' "$TOKEN" "$(cat "$TOKEN_FILE")" >> "$TELL"; fi
if [ -n "$FAIL" ]; then echo "I am told $TOKEN and $(cat "$TOKEN_FILE")" >&2; exit 1; fi
exec "$@"
`

// The go command gets secrets, and nothing that a build writes or says has them.
func TestSecretsOfBuild(t *testing.T) {
	t.Parallel()
	const inVariable, inFile = "v4riable-s3cret", "f1le-s3cret"
	dir := helloModule(t)
	told := filepath.Join(t.TempDir(), "told")
	for name, text := range map[string]string{"tell.sh": teller, "token": inFile + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := buildkit.Config{Origin: "magefile.go:7", Build: config.Build{
		Secrets: []string{"TOKEN", "TOKEN_FILE=token"}, Flags: []string{"-toolexec=" + filepath.Join(dir, "tell.sh")}, Env: map[string]string{"TELL": told},
	}}
	in := inputs(dir, c)
	in.Environ = append(in.Environ, "TOKEN="+inVariable, "IMAGE_SHOW_VALUES=1")
	var said strings.Builder
	in.Report = func(e buildkit.Event) { fmt.Fprintln(&said, e.Step, e.Text) }
	plans, err := open(t, in).Resolve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&said, "%+v", plans[0].Values)
	if !strings.Contains(said.String(), "TOKEN_FILE") {
		t.Errorf("the plan does not name the secrets: %s", said.String())
	}
	err = buildkit.BuildEach(context.Background(), plans, in.Report, func(ctx context.Context, b *buildkit.Result) error {
		_, err := b.WriteDocuments(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(told)
	if err != nil || !strings.Contains(string(got), inVariable+" "+inFile+"\n") {
		t.Errorf("the go command is told %q (%v)", got, err)
	}
	err = filepath.WalkDir(filepath.Join(dir, "dist"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(inVariable)) || bytes.Contains(content, []byte(inFile)) {
			t.Errorf("%s has a secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	in.Configs[0].Build.Env = map[string]string{"FAIL": "1"}
	plans, err = buildkit.Resolve(context.Background(), in)
	if err == nil {
		_, err = buildkit.Build(context.Background(), plans[0], in.Report)
	}
	if err == nil || !strings.Contains(err.Error(), "I am told … and …") {
		t.Errorf("the error is %v, want one without the secrets", err)
	}
	if strings.Contains(said.String(), "s3cret") {
		t.Errorf("a secret is said: %s", said.String())
	}
}

// A secret that is not there ends the run before anything is compiled.
func TestSecretsOfBuildWrong(t *testing.T) {
	t.Parallel()
	dir := helloModule(t)
	if err := os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for word, says := range map[string]string{
		"FROMSCRATCH_NOT_SET": "is a variable that is not set", "TOKEN=nowhere": "cannot be read", "TOKEN=ghp/s3cret": "cannot be read", "TOKEN=s3cret" + strings.Repeat("x", 300): "cannot be read", "TOKEN=empty": "is empty", "TOKEN=.": "no regular file",
		"ghp-s3cret": "write \"TOKEN\"", "TOKEN=": "write \"TOKEN\"",
	} {
		_, err := resolve(dir, nil, buildkit.Config{Origin: "magefile.go:7", Build: config.Build{Secrets: []string{word}}})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "Build.Secrets (magefile.go:7)") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", word, err)
		}
	}
}

// A container gets secrets too: in the environment of the go command, and in memory.
func TestHeavySecretsInContainer(t *testing.T) {
	const inVariable, inFile = "v4riable-s3cret", "f1le-s3cret"
	dir := helloModule(t)
	for name, text := range map[string]string{"tell.sh": teller, "token": inFile + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b := builders(t)
	in := buildkit.Inputs{Dir: dir, Environ: append(os.Environ(), "TOKEN="+inVariable), Configs: []buildkit.Config{{
		Repo: repo + "secrets-inside", Build: config.Build{
			Container: buildertest.Image(t), Secrets: []string{"TOKEN", "TOKEN_FILE=token"},
			Flags: []string{"-toolexec=" + filepath.Join(dir, "tell.sh")}, Env: map[string]string{"TELL": "/.fromscratch/home/told"},
		},
	}}}
	err := runIn(context.Background(), b, in, func(*buildkit.Result) error {
		id := builderContainers(t)
		if got := output(t, ".", "docker", "exec", id, "cat", "/.fromscratch/home/told"); !strings.Contains(got, inVariable+" "+inFile+"\n") {
			t.Errorf("the go command in the container is told %q", got)
		}
		if text := output(t, ".", "docker", "inspect", id); strings.Contains(text, "s3cret") {
			t.Error("a secret is in the settings of the container")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
