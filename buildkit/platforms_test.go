package buildkit_test

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// platforms is a static program for several platforms.
func platforms(t *testing.T, names ...string) buildkit.Inputs {
	t.Helper()
	in := inputs(txtar(t, `
-- go.mod --
module example.com/app

go 1.23
-- main.go --
package main

func main() { println("app") }
`))
	in.Configs = []buildkit.Config{{Repo: repo + "platforms", Platforms: names, Origin: "magefile.go:7"}}
	return in
}

// Each platform is compiled for itself, with the level of its variant, into a folder of
// its own; together they are handed on as one image.
func TestPlatforms(t *testing.T) {
	t.Parallel()
	in := platforms(t, "linux/amd64", "linux/arm64", "linux/arm/v6", "linux/arm/v7", "linux/riscv64", "linux/amd64", "linux/arm64/v8", "arm", "linux/amd64/v1")
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	calls := 0
	var one sync.Mutex
	err = buildkit.BuildGroups(context.Background(), plans, nil, func(_ context.Context, group []*buildkit.Result) error {
		one.Lock()
		defer one.Unlock()
		calls++
		for _, b := range group {
			file, err := elf.Open(b.Program.Path)
			if err != nil {
				return err
			}
			defer file.Close()
			info, err := buildinfo.ReadFile(b.Program.Path)
			if err != nil {
				return err
			}
			level := ""
			for _, s := range info.Settings {
				if s.Key == "GOARM" || s.Key == "GOAMD64" {
					level = " " + s.Value
				}
			}
			c := b.Image.Config()
			got = append(got, strings.Join([]string{b.Plan.Label(), c.Platform.String(), file.Machine.String() + level, filepath.Base(string(b.Plan.Dist())), c.Entrypoint[0]}, ", "))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"app linux/amd64, linux/amd64, EM_X86_64 v1, app@linux-amd64, /app",
		"app linux/arm64, linux/arm64, EM_AARCH64, app@linux-arm64, /app",
		"app linux/arm/v6, linux/arm/v6, EM_ARM 6, app@linux-arm-v6, /app",
		"app linux/arm/v7, linux/arm/v7, EM_ARM 7, app@linux-arm-v7, /app",
		"app linux/riscv64, linux/riscv64, EM_RISCV, app@linux-riscv64, /app",
	}
	if !slices.Equal(got, want) || calls != 1 {
		t.Errorf("in %d groups\n  %s\nwant\n  %s", calls, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}

	// All folders are found again by the image's name.
	in.Environ = append(in.Environ, "IMAGE_NAME=app")
	dists, err := buildkit.Dists(context.Background(), in)
	if err != nil || len(dists) != len(want) {
		t.Errorf("folders %q, %v", dists, err)
	}
}

// What was made of all platforms goes with a build of them that fails, and documents of an
// image of one platform are not left beside an archive of several.
func TestPlatformsAreStale(t *testing.T) {
	t.Parallel()
	in := platforms(t, "linux/amd64", "linux/arm64")
	dist := filepath.Join(in.Dir, "dist", "app")
	group := func(ctx context.Context, group []*buildkit.Result) error {
		_, err := buildkit.ArchiveAll(ctx, group, group[0].Plan.Platform)
		if err == nil {
			_, err = buildkit.LayoutAll(ctx, group, "")
		}
		return err
	}
	build := func(in buildkit.Inputs) error {
		plans, err := buildkit.Resolve(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		return buildkit.BuildGroups(context.Background(), plans, nil, group)
	}
	wantFiles := func(want ...string) {
		t.Helper()
		for _, name := range []string{"image.tar", "layout", "provenance.json", "sbom.cdx.json"} {
			if _, err := os.Stat(filepath.Join(dist, name)); (err == nil) != slices.Contains(want, name) {
				t.Errorf("%s in dist/app: %v, want %q", name, err, want)
			}
		}
	}
	one := in
	one.Environ = append(slices.Clone(in.Environ), "IMAGE_PLATFORM=linux/arm64")
	if err := build(one); err != nil {
		t.Fatal(err)
	}
	wantFiles("image.tar", "layout", "provenance.json", "sbom.cdx.json")
	if err := build(in); err != nil {
		t.Fatal(err)
	}
	wantFiles("image.tar", "layout")
	if err := os.WriteFile(filepath.Join(in.Dir, "main.go"), []byte("package main\n\nfunc main() { wrong() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := build(in); err == nil {
		t.Error("a program that does not compile was built")
	}
	wantFiles()
}

// A list of no platforms builds nothing, and says so.
func TestPlatformsOfTheEnvironment(t *testing.T) {
	t.Parallel()
	in := platforms(t)
	in.Environ = append(in.Environ, "IMAGE_PLATFORM= , ")
	_, err := buildkit.Resolve(context.Background(), in)
	var wrong *buildkit.ConfigError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "IMAGE_PLATFORM") || !strings.Contains(err.Error(), "\nfix: ") {
		t.Errorf("error %v", err)
	}
}

// Where one platform is of use the others are not built, and the next run knows of it.
func TestPlatformIsChosen(t *testing.T) {
	t.Parallel()
	in := platforms(t, "linux/arm64", "linux/amd64")
	machine := buildkit.Platform{OS: "linux", Architecture: "amd64"}
	in.Choose = func(_ context.Context, list []buildkit.Platform) (buildkit.Platform, error) {
		p, ok := platform.Best(machine, list)
		if !ok {
			return p, errors.New("none")
		}
		return p, nil
	}
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := buildkit.One(plans)
	if err != nil || plan.Label() != "app linux/amd64" {
		t.Fatalf("%q, %v", plan.Label(), err)
	}
	b, err := buildkit.Build(context.Background(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	standing, all := open(t, in).Unchanged()
	if !all || len(standing) != 1 || standing[0].Name != "app" {
		t.Errorf("standing: %v, all: %t", standing, all)
	}
	// Who wants all platforms is not served with the one.
	every := in
	every.Choose = nil
	if standing, _ := open(t, every).Unchanged(); len(standing) != 0 {
		t.Errorf("standing: %v", standing)
	}
	machine.Architecture = "s390x"
	if _, err := buildkit.Resolve(context.Background(), in); err == nil || err.Error() != "none" {
		t.Errorf("error %v", err)
	}
}

// cgo takes the cross compiler of each platform, or the one that is named for it, and
// the libraries of its root.
func TestHeavyPlatformsWithCgo(t *testing.T) {
	t.Parallel()
	need(t, "gcc", "aarch64-linux-gnu-gcc")
	in := platforms(t, "linux/amd64", "linux/arm64")
	in.Configs[0].Build.Cgo = "on"
	in.Configs[0].Build.EnvFor = map[string]map[string]string{"linux/arm64": {"CGO_CFLAGS": "-DWHICH=64"}, "linux/amd64": {"CGO_CFLAGS": "-DWHICH=86"}}
	if err := os.WriteFile(filepath.Join(in.Dir, "main.go"), []byte(`package main

// int which(void) { return WHICH; }
import "C"

func main() { println(C.which()) }
`), 0o644); err != nil {
		t.Fatal(err)
	}
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	loaders := map[string]string{}
	err = buildkit.BuildGroups(context.Background(), plans, nil, func(_ context.Context, group []*buildkit.Result) error {
		for _, b := range group {
			loaders[b.Plan.Platform.Architecture] = b.Libraries.Loader
			if want := map[string]string{"amd64": "-DWHICH=86", "arm64": "-DWHICH=64"}[b.Plan.Platform.Architecture]; b.Plan.Compile.Env["CGO_CFLAGS"] != want {
				t.Errorf("%s is compiled with %q", b.Plan.Label(), b.Plan.Compile.Env)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if loaders["amd64"] != "/lib64/ld-linux-x86-64.so.2" || loaders["arm64"] != "/lib/ld-linux-aarch64.so.1" {
		t.Errorf("loaders: %v", loaders)
	}
}

func TestPlatformsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config buildkit.Config
		say    string
	}{
		"one missing": {buildkit.Config{Name: "app", BinaryFor: map[string]string{"linux/amd64": "app"}, Platforms: []string{"linux/arm64", "linux/amd64"}}, "no program for linux/arm64, only for linux/amd64"},
		"two names":   {buildkit.Config{BinaryFor: map[string]string{"linux/amd64": "app-amd64", "linux/arm64": "app-arm64"}, Platforms: []string{"linux/amd64", "linux/arm64"}}, "several names\nfix: set Name"},
		"no platform": {buildkit.Config{BinaryFor: map[string]string{"arm65": "app"}}, "reading BinaryFor"},
		"tag of one":  {buildkit.Config{Tags: config.Tags{"{{.Platform}}"}, Platforms: []string{"linux/amd64", "linux/arm64"}}, "several platforms"},
		"misspelled":  {buildkit.Config{Platforms: []string{"linux/amd64", "linux/arm65"}}, `"linux/arm65"`},
		"a variable":  {buildkit.Config{Build: config.Build{EnvFor: map[string]map[string]string{"arm65": {"CC": "gcc"}}}}, "Build.EnvFor"},
		"a binary":    {buildkit.Config{Binary: "app", Platforms: []string{"linux/amd64", "linux/arm64"}}, "one program"},
	} {
		t.Run(name, func(t *testing.T) {
			in := platforms(t)
			tt.config.Origin = "magefile.go:7"
			in.Configs = []buildkit.Config{tt.config}
			_, err := buildkit.Resolve(context.Background(), in)
			var wrong *buildkit.ConfigError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.say) || !strings.Contains(err.Error(), "\nfix: ") || !strings.Contains(err.Error(), "magefile.go:7") {
				t.Errorf("error %v", err)
			}
		})
	}
}
