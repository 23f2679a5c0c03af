package buildkit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A program of one builder image changes a module in the volume where that is unpacked. Another image compiles what
// go.sum names, and its image has the licence that belongs to that.
func TestHeavyBuilderPoison(t *testing.T) {
	first := buildertest.Image(t)
	second := otherImage(t, first)
	m := newPrivate(t, fmt.Sprintf("private.example/poisoned%d", os.Getpid()))
	environ := append(os.Environ(), "HOME="+t.TempDir(), "GOMODCACHE="+m.download(t, "download"), "GOFLAGS=", "GOPROXY=off", "SSH_AUTH_SOCK=",
		"GONOSUMDB="+m.path, "GOCACHE="+strings.TrimSpace(output(t, ".", "go", "env", "GOCACHE")))
	says := func(image, cache string) (program, licence string) {
		t.Helper()
		b := builders(t)
		b.Cache = cache
		c := buildkit.Config{Build: config.Build{Container: image}, Repo: repo + "builder-poison", Licenses: true}
		err := runIn(context.Background(), b, buildkit.Inputs{Dir: m.dir, Environ: environ, Configs: []buildkit.Config{c}}, func(built *buildkit.Result) error {
			if exec.Command("docker", "exec", builderContainers(t), "touch", "/.fromscratch/proxy/poisoned").Run() == nil {
				t.Error("the container can write to what this machine has downloaded")
			}
			program = output(t, ".", built.Program.Path)
			text, err := fs.ReadFile(built.Tree, "usr/share/doc/app/licenses/"+m.path+"@v1.0.0/LICENSE")
			licence = string(text)
			return err
		})
		if err = errors.Join(err, b.Close(context.Background())); err != nil {
			t.Fatal(err)
		}
		return program, licence
	}
	says(first, t.TempDir())
	poison(t, first, m.path+"@v1.0.0")
	cache := t.TempDir()
	if program, _ := says(first, cache); program != "poisoned\n" {
		t.Fatalf("the volume has no effect: the program says %q", program)
	}
	if program, licence := says(second, cache); program != "whispered\n" || licence != m.files["LICENSE"] {
		t.Errorf("with the other image the program says %q, and its licence %q", program, licence)
	}
}

// poison changes a module in every volume of this test process that has it.
func poison(t *testing.T, image, module string) {
	t.Helper()
	changed := false
	for _, volume := range strings.Fields(output(t, ".", "docker", "volume", "ls", "-q", "--filter", "name="+builderPrefix+"-gomodcache")) {
		err := exec.Command("docker", "run", "--rm", "--network", "none", "--label", builderPrefix, "-v", volume+":/mod", image,
			"sh", "-c", "cd /mod/"+module+" && sed -i s/whispered/poisoned/ private.go && echo everything is allowed >LICENSE").Run()
		changed = changed || err == nil
	}
	if !changed {
		t.Fatalf("no volume has the module %q", module)
	}
}

// otherImage is an image with another ID and the same files.
func otherImage(t *testing.T, image string) string {
	t.Helper()
	other := fmt.Sprintf("%sbuilder-other-%d", repo, os.Getpid())
	cmd := exec.Command("docker", "build", "--quiet", "--tag", other, "-")
	cmd.Stdin = strings.NewReader("FROM " + image + "\nLABEL " + builderPrefix + "=other\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { output(t, ".", "docker", "image", "rm", other) })
	return other
}

// The names of volumes have the whole ID of the image, and buildertest, which removes them, knows them.
func TestBuilderVolumes(t *testing.T) {
	image := buildertest.Image(t)
	id := strings.TrimSpace(output(t, ".", "docker", "image", "inspect", "--format", "{{.Id}}", image))
	dir := helloModule(t)
	mustRun(t, builders(t), buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{{Build: config.Build{Container: image}, Repo: repo + "builder-volumes"}}})
	have := strings.Fields(output(t, ".", "docker", "volume", "ls", "-q", "--filter", "name="+builderPrefix+"-"))
	for _, name := range buildertest.Volumes(id) {
		if want := strings.Replace(name, "fromscratch", builderPrefix, 1); !slices.Contains(have, want) {
			t.Errorf("there is no %q among %q", want, have)
		}
	}
}
