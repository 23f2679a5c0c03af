package ci

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/document"
)

// checkout makes a checkout with a module in a subfolder, and returns both folders.
func checkout(t *testing.T) (root, module string) {
	t.Helper()
	root = t.TempDir()
	module = filepath.Join(root, "svc")
	if err := os.MkdirAll(filepath.Join(module, "cmd"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "magefile.go", "cmd/main.go", "k8s.yaml"} {
		if err := os.WriteFile(filepath.Join(module, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root, module
}

func env(list map[string]string) func(string) string {
	return func(name string) string { return list[name] }
}

// GitHub gets an annotation for each line of the compiler, or one for the error, at the place that it names.
func TestAnnotations(t *testing.T) {
	root, module := checkout(t)
	s := Find(module, env(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": root}))
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"compiling: exit status 1\n# example.com/svc/cmd\ncmd/main.go:3:2: undefined: x\ncmd/main.go:9: a, b: c%\n",
			"::error file=svc/cmd/main.go,line=3,title=image,col=2::undefined: x\n::error file=svc/cmd/main.go,line=9,title=image::a, b: c%25\n"},
		{"the image \"svc\" (magefile.go:12) has no tag\nfix: set Tags",
			"::error file=svc/magefile.go,line=12,title=image::the image \"svc\" (magefile.go:12) has no tag%0Afix: set Tags\n"},
		{"k8s.yaml:2: \"fromscratch://x\" is no image\nk8s.yaml:7: \"ko://y\" is no image\nfix: write one of …",
			"::error file=svc/k8s.yaml,line=2,title=image::\"fromscratch://x\" is no image\n::error file=svc/k8s.yaml,line=7,title=image::\"ko://y\" is no image\n"},
		{"no such file other.go:3\n::set-env name=x::y", "::error title=image::no such file other.go:3%0A::set-env name=x::y\n"},
		{"../../outside.go:1:1: x", "::error title=image::../../outside.go:1:1: x\n"},
	} {
		if got := s.Annotations("image", tt.text); got != tt.want {
			t.Errorf("%q gives\n%s\nwant\n%s", tt.text, got, tt.want)
		}
	}
	many := strings.Repeat("cmd/main.go:3:2: undefined: x\n", 30)
	if got := strings.Count(s.Annotations("image", many), "::error"); got != maxAnnotations {
		t.Errorf("30 errors give %d annotations", got)
	}
	if got := Find(module, env(nil)).Annotations("image", many); got != "" {
		t.Errorf("without a service the annotations are %q", got)
	}
}

// The summary has a row for each image, and nothing in a name ends a cell.
func TestSummary(t *testing.T) {
	root, module := checkout(t)
	path := filepath.Join(root, "summary.md")
	s := Find(module, env(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": path}))
	images := []document.Image{
		{Name: "a|b`c", Platform: "linux/amd64", Size: 2_500_000, Layers: make([]document.Layer, 2), Pushed: []string{"r.example/a:1@sha256:00"}},
		{Name: "svc", Reference: "svc:latest", Digest: "sha256:11"},
	}
	if err := s.Write("imagePush", "", images); err != nil {
		t.Fatal(err)
	}
	if err := s.Write("image", "one\n```\ntwo", nil); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = "### imagePush\n\n| image | platform | size | result |\n|---|---|---:|---|\n" +
		"| a¦b'c | linux/amd64 | 2.5 MB | `r.example/a:1@sha256:00` |\n| svc |  |  | `svc:latest`<br>`sha256:11` |\n\n" +
		"### image failed\n\n    one\n    ```\n    two\n\n"
	if string(got) != want {
		t.Errorf("the summary is\n%s\nwant\n%s", got, want)
	}
	s = Find(module, env(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": filepath.Join(root, "missing/summary.md")}))
	if err := s.Write("image", "", images); err == nil || !strings.Contains(err.Error(), "GITHUB_STEP_SUMMARY") {
		t.Errorf("a summary that cannot be written: %v", err)
	}
}

// GitLab's report has a finding for each place, and none after success.
func TestQuality(t *testing.T) {
	root, module := checkout(t)
	s := Find(module, env(map[string]string{"CI_PROJECT_DIR": root, "IMAGE_CODE_QUALITY": "report.json"}))
	for text, want := range map[string]string{"": "", "cmd/main.go:3:2: undefined: x": "svc/cmd/main.go:3", "the registry failed": "svc/go.mod:1"} {
		if err := s.Write("image", text, nil); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(module, "report.json"))
		if err != nil {
			t.Fatal(err)
		}
		var list []struct {
			Description, Fingerprint, Severity string
			Check                              string `json:"check_name"`
			Location                           struct {
				Path  string
				Lines struct{ Begin json.Number }
			}
		}
		if err := json.Unmarshal(content, &list); err != nil || list == nil {
			t.Fatalf("%v: %s", err, content)
		}
		got := ""
		for _, f := range list {
			got += f.Location.Path + ":" + f.Location.Lines.Begin.String()
			if f.Description == "" || len(f.Fingerprint) != 32 || f.Severity != "blocker" || f.Check != "fromscratch/image" {
				t.Errorf("a finding is %+v", f)
			}
		}
		if got != want {
			t.Errorf("%q is found at %q, want %q", text, got, want)
		}
	}
}
