package endtoend_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// printed is what the tests read of a document.
type printed struct {
	Target    string
	ExitCode  int
	Paths     []string
	Manifests []struct{ Path, Text string }
	Notes     []struct{ Text string }
	Images    []struct {
		Name, Platform, Reference, Digest string
		Size                              int64
		Unchanged                         bool
		Paths, Pushed                     []string
		Layers, Steps                     []struct{}
		Files                             []struct{ Path string }
		Values                            []struct{ Name, Value string }
		Checks                            []struct {
			Rule string
			OK   bool
		}
	}
	Error *struct{ Text, Fix string }
}

// IMAGE_FORMAT=json makes each target print one document that its schema describes, and nothing else on stdout.
func TestDocument(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	const name = "fromscratch-test-document"
	compiler := jsonschema.NewCompiler()
	schema, err := compiler.Compile(filepath.Join(root(t), "docs/json.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := project(t, map[string]string{"magefile.go": `//go:build mage

package main

import (
	"os"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

var _ = targets.Configure(targets.Config{Name: "` + name + `", Check: targets.Check{MaxSize: os.Getenv("FROMSCRATCH_TEST_MAX")}})
`, "k.yaml": "image: fromscratch://" + name + "\n", "k8s/a.json": "{}", "wrong.yaml": "image: fromscratch://wrong\n"})
	removeImages(t, name+":"+tag)
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	layout := filepath.Join(t.TempDir(), "layout")
	for _, row := range []struct {
		does string
		env  []string
		args []string
		code int
		good func(d printed) bool
	}{
		{"plans", nil, []string{"imagePlan"}, 0, func(d printed) bool {
			return len(d.Images) == 1 && len(d.Images[0].Values) > 5 && d.Images[0].Digest == "" && d.Images[0].Platform != ""
		}},
		{"builds", nil, []string{"image"}, 0, func(d printed) bool {
			i := d.Images[0]
			return i.Reference == name+":"+tag && len(i.Layers) == 2 && i.Size > 1e6 && len(i.Steps) >= 5 && !i.Unchanged && len(i.Digest) == 71
		}},
		{"has nothing to do", nil, []string{"image"}, 0, func(d printed) bool {
			return d.Images[0].Unchanged && d.Images[0].Platform != "" && len(d.Images[0].Digest) == 71
		}},
		{"runs", nil, []string{"imageRun", "--", "-health", "http://127.0.0.1:1/"}, 1, func(d printed) bool {
			return d.ExitCode == 1 && d.Error == nil && len(d.Images) == 1
		}},
		{"writes an archive", nil, []string{"imageArchive"}, 0, func(d printed) bool { return strings.HasSuffix(d.Images[0].Paths[0], "image.tar") }},
		{"writes a layout", nil, []string{"imageLayout"}, 0, func(d printed) bool { return strings.HasSuffix(d.Images[0].Paths[0], "layout") }},
		{"adds to a layout", []string{"IMAGE_LAYOUT=" + layout}, []string{"imageLayout"}, 0, func(d printed) bool { return len(d.Paths) == 1 && d.Paths[0] == layout }},
		{"writes a root file system", nil, []string{"imageRootfs"}, 0, func(d printed) bool { return strings.HasSuffix(d.Images[0].Paths[0], "rootfs") }},
		{"writes documents", nil, []string{"imageSBOM"}, 0, func(d printed) bool { return len(d.Images[0].Paths) >= 2 }},
		{"writes a Dockerfile", nil, []string{"imageDockerfile"}, 0, func(d printed) bool { return len(d.Images[0].Paths) == 2 }},
		{"checks", nil, []string{"imageCheck"}, 0, func(d printed) bool {
			return len(d.Images[0].Checks) == 5 && d.Images[0].Checks[4].OK && d.Error == nil
		}},
		{"finds a broken rule", []string{"FROMSCRATCH_TEST_MAX=1kB"}, []string{"imageCheck"}, 1, func(d printed) bool {
			return d.Images[0].Checks[1].Rule == "size" && !d.Images[0].Checks[1].OK && d.ExitCode == 1 && d.Error.Fix != ""
		}},
		{"explains", nil, []string{"imageExplain"}, 0, func(d printed) bool { return len(d.Images[0].Files) > 5 }},
		{"explains a file", nil, []string{"imageExplain", "--", "/" + name}, 0, func(d printed) bool { return d.Images[0].Files[0].Path == "/"+name }},
		{"pushes", []string{"IMAGE_REPO=" + host + "/acme/hello"}, []string{"imagePush"}, 0, func(d printed) bool {
			return strings.HasPrefix(d.Images[0].Pushed[0], host+"/acme/hello:"+tag+"@sha256:")
		}},
		{"resolves manifests", []string{"IMAGE_REPO=" + host + "/acme/hello"}, []string{"imageResolve", "--", "-f", "k.yaml", "-f", "k8s"}, 0, func(d printed) bool {
			pushed := d.Images[0].Pushed[0]
			return strings.HasPrefix(pushed, host+"/acme/hello:"+tag+"@sha256:") && len(d.Manifests) == 2 &&
				d.Manifests[0].Path == "k.yaml" && d.Manifests[0].Text == "image: "+pushed+"\n" && d.Manifests[1].Path == filepath.Join("k8s", "a.json")
		}},
		{"finds no image of a manifest", nil, []string{"imageResolve", "--", "-f", "wrong.yaml"}, 2, func(d printed) bool {
			return strings.Contains(d.Error.Text, "wrong.yaml:1: ") && d.Error.Fix != "" && len(d.Manifests) == 0
		}},
		{"refuses a value", []string{"IMAGE_TAG=a b"}, []string{"image"}, 2, func(d printed) bool {
			return d.ExitCode == 2 && strings.Contains(d.Error.Text, "a b") && d.Error.Fix != ""
		}},
		{"refuses a variable", []string{"IMAGE_BUILDER_SOURCES=copy"}, []string{"image"}, 2, func(d printed) bool { return strings.Contains(d.Error.Fix, "IMAGE_CONTAINER_SOURCES") }},
		{"has no engine", []string{"DOCKER_HOST=unix:///nowhere/docker.sock"}, []string{"image"}, 3, func(d printed) bool { return d.ExitCode == 3 && d.Error != nil }},
		{"has no worker", []string{"XDG_CACHE_HOME=/dev/null/cache"}, []string{"imagePlan"}, 1, func(d printed) bool { return d.Target == "imagePlan" && d.Error != nil }},
		{"cleans", nil, []string{"imageClean"}, 0, func(d printed) bool { return len(d.Paths) == 1 }},
	} {
		t.Run(row.does, func(t *testing.T) {
			r := mage(t, dir, append([]string{"IMAGE_FORMAT=json"}, row.env...), row.args...)
			if r.code != row.code {
				t.Errorf("exit code %d, want %d", r.code, row.code)
			}
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader(r.stdout))
			if err != nil {
				t.Fatalf("stdout is not one document: %v\n%s", err, r.stdout)
			}
			if err := schema.Validate(instance); err != nil {
				t.Errorf("the document is not as its schema says: %v", err)
			}
			var d printed
			if err := json.NewDecoder(bytes.NewReader([]byte(r.stdout))).Decode(&d); err != nil {
				t.Fatal(err)
			}
			if d.Target != row.args[0] || !row.good(d) {
				t.Errorf("the document is\n%s", r.stdout)
			}
		})
	}
	mage(t, dir, []string{"IMAGE_FORMAT=yaml"}, "image").wantError(t, 2, `IMAGE_FORMAT is "yaml"`, "fix: ")
}
