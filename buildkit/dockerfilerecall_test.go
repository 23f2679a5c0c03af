package buildkit_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// describedImage is the outcome of one run that builds one image and describes it by a Dockerfile.
type describedImage struct {
	dockerfile buildkit.Dockerfile
	failed     string   // the error of the description
	steps      []string // texts of the build's steps
}

func describeImage(t *testing.T, in buildkit.Inputs) (d describedImage) {
	t.Helper()
	ctx := context.Background()
	plans, err := buildkit.Resolve(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	err = buildkit.BuildEach(ctx, plans, func(e buildkit.Event) { d.steps = append(d.steps, e.Text) }, func(ctx context.Context, b *buildkit.Result) (err error) {
		if d.dockerfile, err = b.Dockerfile(ctx, ""); err != nil {
			d.failed = err.Error()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// recalled reports whether the libraries were those of the build before.
func (d describedImage) recalled() bool {
	return slices.ContainsFunc(d.steps, func(s string) bool { return strings.HasSuffix(s, "as before") })
}

// An unchanged image has the same Dockerfile, and nothing is computed anew for it. Which other programs there are is still known, so
// the file has the same name.
func TestDockerfileOfUnchanged(t *testing.T) {
	need(t, "gcc")
	needPackage(t, "sqlite3")
	hostRelease(t)
	calls := goLog(t)
	dir := module(t, map[string]string{
		"go.mod": `module example.com/two

go 1.23
`,
		"cmd/lite/main.go":  sqlite,
		"cmd/other/main.go": plainMain,
	})
	t.Setenv("IMAGE_NAME", "lite")
	write := func() (d describedImage, text, ignore string) {
		t.Helper()
		d = describeImage(t, inputs(dir))
		if err := buildkit.WriteDockerfiles([]buildkit.Dockerfile{d.dockerfile}); d.failed != "" || err != nil {
			t.Fatal(d.failed, err)
		}
		return d, written(t, d.dockerfile.Path), written(t, d.dockerfile.Ignore)
	}
	first, text, ignore := write()
	if first.recalled() || !strings.Contains(text, "libsqlite3") || first.dockerfile.Path != filepath.Join(dir, "lite.Dockerfile") {
		t.Fatalf("the first Dockerfile is %s:\n%s\n%q", first.dockerfile.Path, text, first.steps)
	}
	write() // the files of the first run are new in the module's folder, where the go command could find others
	calls()
	second, againText, againIgnore := write()
	if !second.recalled() {
		t.Errorf("the libraries were looked for again: %q", second.steps)
	}
	if list := calls(); slices.Contains(list, "list") {
		t.Errorf("the programs were looked for again: %q", list)
	}
	if second.dockerfile.Path != first.dockerfile.Path || againText != text || againIgnore != ignore {
		t.Errorf("the Dockerfile %s is not the first one:\n%s\n%s", second.dockerfile.Path, againText, againIgnore)
	}
}

// No Dockerfile is written for an image on a base, whether the image was built anew or is unchanged.
func TestDockerfileOnBase(t *testing.T) {
	c := buildkit.Config{Base: imported(t, alpine(t), "dockerfile"), Repo: repo + "ondockerfile", Origin: "magefile.go:7"}
	dir := asking(t)
	first := describeImage(t, inputsOn(t, dir, c))
	second := describeImage(t, inputsOn(t, dir, c))
	if first.recalled() || !second.recalled() {
		t.Errorf("the steps are %q, then %q", first.steps, second.steps)
	}
	if first.failed != second.failed || !strings.Contains(first.failed, "Base of the Config (magefile.go:7)") {
		t.Errorf("the errors are %q and %q", first.failed, second.failed)
	}
}
