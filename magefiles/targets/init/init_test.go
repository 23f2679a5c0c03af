package main

import (
	"go/build"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/magefile/mage/parse"
)

// A workflow has the module's commands, and one push for each image. No placeholder is left in it.
func TestWorkflow(t *testing.T) {
	one := userModule{root: "/m/app", mage: "/m/app", programs: []string{"."}, paths: []string{"example.com/app"}}
	many := userModule{root: "/m/app", mage: "/m/app/magefiles", programs: []string{"./cmd/web", "./cmd/job/v2"}, paths: []string{"example.com/app/cmd/web", "example.com/app/cmd/job/v2"}, alias: "fromscratch"}
	for _, tt := range []struct {
		ci, name string
		m        userModule
		want     []string
	}{
		{"github", ".github/workflows/image.yml", one, []string{"- run: go tool mage image\n", "IMAGE_REPO=$repo go tool mage imagePush\n"}},
		{"gitlab", ".gitlab-ci.yml", one, []string{"IMAGE_OUTPUT=archive go tool mage image\n", "IMAGE_REPO=$repo go tool mage imagePush\n"}},
		{"github", ".github/workflows/image.yml", many, []string{
			"- run: go -C magefiles tool mage -w .. fromscratch:image\n",
			"for name in web job; do IMAGE_NAME=$name IMAGE_REPO=$repo/$name go -C magefiles tool mage -w .. fromscratch:imagePush; done\n"}},
	} {
		f, err := workflowFor(tt.ci, tt.m)
		if err != nil || f.path() != filepath.Join(tt.m.root, tt.name) {
			t.Errorf("%s: %q, %v", tt.ci, f.name, err)
		}
		for _, want := range tt.want {
			if !strings.Contains(f.content, want) {
				t.Errorf("%s lacks %q:\n%s", tt.ci, want, f.content)
			}
		}
		if strings.ContainsAny(f.content, "«»\t") {
			t.Errorf("%s:\n%s", tt.ci, f.content)
		}
	}
}

// GitHub would run the workflow: actionlint finds nothing in it. "shellcheck" is not needed for that.
func TestWorkflowLint(t *testing.T) {
	for _, programs := range [][]string{{"."}, {"./cmd/web", "./cmd/job"}} {
		f, err := workflowFor("github", userModule{root: t.TempDir(), programs: programs, paths: programs})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.create(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7", "-shellcheck=", f.path())
		cmd.Dir = os.TempDir()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// init knows the names of all targets.
func TestTargetNames(t *testing.T) {
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := parse.Package(dir, pkg.GoFiles, false)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range info.Funcs {
		names = append(names, strings.ToLower(f.TargetName()))
	}
	known := strings.Split(strings.ToLower(strings.Join(targetNames, " ")), " ")
	sort.Strings(names)
	sort.Strings(known)
	if !reflect.DeepEqual(names, known) {
		t.Errorf("init knows %q, the targets are %q", known, names)
	}
}

func TestHasTools(t *testing.T) {
	for version, want := range map[string]bool{"go1.23.9": false, "go1.24": true, "go1.24rc1": true, "go1.30.1": true, "devel go1.27-abc": true, "go1.9": false} {
		if hasTools(version) != want {
			t.Errorf("%s: %t", version, hasTools(version))
		}
	}
}

func TestOlder(t *testing.T) {
	for _, tt := range []struct {
		has, wanted string
		want        bool
	}{{"v1.9.0", "v1.17.2", true}, {"v1.17.2", "v1.17.2", false}, {"v1.18.0", "v1.17.2", false}, {"v1.17.3-0.2026-x", "v1.17.2", false}, {"v2.0.0", "v1.17.2", false}} {
		if older(tt.has, tt.wanted) != tt.want {
			t.Errorf("%s before %s: %t", tt.has, tt.wanted, !tt.want)
		}
	}
}
