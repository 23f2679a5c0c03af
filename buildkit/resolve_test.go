package buildkit_test

import (
	"context"
	"errors"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// two is a module with two programs, a tool of its own and a magefile.
func two(t *testing.T) string {
	t.Helper()
	const program = `package main

func main() {}
`
	return module(t, map[string]string{
		"go.mod": `module example.com/shop/v2

go 1.23
`,
		"cmd/web/main.go":      program,
		"cmd/worker/main.go":   program,
		"internal/gen/main.go": program,
		"magefiles/magefile.go": `//go:build mage

package main
`,
		"dist/web/rootfs/x/a.go":   program,
		"testdata/sample/main.go":  program,
		"cmd/web/assets/readme.md": "",
	})
}

func resolve(dir string, env []string, configs ...buildkit.Config) ([]buildkit.Plan, error) {
	return buildkit.Resolve(context.Background(), buildkit.Inputs{Dir: dir, Environ: append(os.Environ(), env...), Configs: configs})
}

// What is built: every program of the module, or one per Config.
func TestResolveSubjects(t *testing.T) {
	t.Parallel()
	dir := two(t)
	for _, test := range []struct {
		name    string
		env     []string
		configs []buildkit.Config
		want    []string // references
		err     string
	}{
		{name: "no Config", want: []string{"web:latest", "worker:latest"}},
		{name: "one of them", env: []string{"IMAGE_NAME=worker"}, want: []string{"worker:latest"}},
		{name: "order of IMAGE_NAME", env: []string{"IMAGE_NAME=worker,web"}, want: []string{"worker:latest", "web:latest"}},
		{name: "a name twice", env: []string{"IMAGE_NAME=web,web"}, want: []string{"web:latest"}},
		{name: "no name in IMAGE_NAME", env: []string{"IMAGE_NAME=,"}, err: "names no image"},
		{name: "no such image", env: []string{"IMAGE_NAME=shop"}, err: "web, worker"},
		{name: "Main", configs: []buildkit.Config{{Main: "./cmd/web"}}, want: []string{"web:latest"}},
		{name: "Main without ./", configs: []buildkit.Config{{Main: "cmd/web"}}, want: []string{"web:latest"}},
		{name: "Main by import path", configs: []buildkit.Config{{Main: "example.com/shop/v2/cmd/web"}}, want: []string{"web:latest"}},
		{name: "Name", configs: []buildkit.Config{{Main: "cmd/web", Name: "Shop_2"}}, want: []string{"shop-2:latest"}},
		{name: "Repo and Tag", configs: []buildkit.Config{{Main: "cmd/web", Repo: "r.example/shop", Tags: config.Tags{"v1"}}}, want: []string{"r.example/shop:v1"}},
		{name: "environment wins", env: []string{"IMAGE_REPO=r.example/other", "IMAGE_TAG=v2"},
			configs: []buildkit.Config{{Main: "cmd/web", Repo: "r.example/shop", Tags: config.Tags{"v1"}}}, want: []string{"r.example/other:v2"}},
		{name: "two of one program", configs: []buildkit.Config{{Main: "cmd/web"}, {Main: "cmd/web", Name: "web2"}}, want: []string{"web:latest", "web2:latest"}},
		{name: "two of one name", configs: []buildkit.Config{{Main: "cmd/web"}, {Main: "cmd/web"}}, err: `two images have the name "web"`},
		{name: "which one", configs: []buildkit.Config{{Origin: "magefile.go:7"}}, err: "magefile.go:7"},
		{name: "one repository for two", env: []string{"IMAGE_REPO=r.example/shop"}, err: "IMAGE_REPO"},
		{name: "time that no image can have", env: []string{"SOURCE_DATE_EPOCH=253402300800"}, err: "SOURCE_DATE_EPOCH"},
		{name: "time", env: []string{"SOURCE_DATE_EPOCH=yesterday"}, err: "SOURCE_DATE_EPOCH"},
		{name: "variable with its value", configs: []buildkit.Config{{Main: "cmd/web", Env: map[string]string{"A=B": "x"}}}, err: `"A=B" of Env`},
		{name: "no such folder", configs: []buildkit.Config{{Main: "./cmd/nowhere"}}, err: "cmd/nowhere"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plans, err := resolve(dir, test.env, test.configs...)
			if test.err != "" {
				var config *buildkit.ConfigError
				if !errors.As(err, &config) || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), "\nfix: ") {
					t.Errorf("error %v, want a ConfigError with %q and a fix", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range plans {
				got = append(got, p.Reference)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("the images are %q, want %q", got, test.want)
			}
		})
	}
}

// Images that could not be told apart are refused before the first function of a Config runs.
func TestResolveRefusesBeforeHooks(t *testing.T) {
	t.Parallel()
	dir := two(t)
	var ran bool
	hook := config.Build{Before: func(context.Context, config.BuildInfo) error { ran = true; return nil }}
	for want, configs := range map[string][]buildkit.Config{
		"have one reference, r.example/x:1":  {{Main: "cmd/web", Repo: "r.example/x", Tags: config.Tags{"1"}, Build: hook}, {Main: "cmd/worker", Repo: "r.example/x", Tags: config.Tags{"2", "1"}}},
		`two images have the name "web"`:     {{Main: "cmd/web", Build: hook}, {Main: "cmd/worker", Name: "web"}},
		"have one reference, r.example/y:v3": {{Main: "cmd/web", Repo: "r.example/y", Build: hook}, {Main: "cmd/worker", Repo: "r.example/y"}},
	} {
		_, err := buildkit.Resolve(context.Background(), buildkit.Inputs{Dir: dir, Environ: append(os.Environ(), "IMAGE_TAG=v3"), Configs: configs, Prepare: true})
		if want == "have one reference, r.example/x:1" { // IMAGE_TAG replaces the first tag of both
			want = "have one reference, r.example/x:v3"
		}
		var mistake *buildkit.ConfigError
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), want) || ran {
			t.Errorf("%v, Before ran: %t, want %q", err, ran, want)
		}
	}
}

// The note says which programs of the module are no images.
func TestResolveTellsOtherPrograms(t *testing.T) {
	t.Parallel()
	dir := module(t, map[string]string{"go.mod": "module example.com/shop\n\ngo 1.23\n", "main.go": "package main\n\nfunc main() {}\n", "examples/a/main.go": "package main\n\nfunc main() {}\n"})
	var notes []string
	plans, err := buildkit.Resolve(context.Background(), buildkit.Inputs{Dir: dir, Environ: os.Environ(), Report: func(e buildkit.Event) { notes = append(notes, e.Image+": "+e.Text) }})
	if err != nil || len(plans) != 1 || plans[0].Name != "shop" {
		t.Fatalf("%v %v", plans, err)
	}
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "shop: other programs of the module are no images: example.com/shop/examples/a (not at the module's root)") {
		t.Errorf("notes %q", notes)
	}
}

// The platform: environment before Config before engine before host.
func TestResolvePlatform(t *testing.T) {
	t.Parallel()
	dir := two(t)
	engine := func(context.Context) (buildkit.Platform, string, error) {
		return buildkit.Platform{OS: "linux", Architecture: "riscv64"}, "engine", nil
	}
	for _, test := range []struct {
		name, env, config string
		ask               func(context.Context) (buildkit.Platform, string, error)
		want, origin      string
	}{
		{"engine", "", "", engine, "linux/riscv64", "engine"},
		{"Config", "", "linux/arm/v7", engine, "linux/arm/v7", "magefile.go:1"},
		{"environment", "arm64", "linux/arm/v7", engine, "linux/arm64", "env IMAGE_PLATFORM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plans, err := buildkit.Resolve(context.Background(), buildkit.Inputs{
				Dir: dir, Environ: append(os.Environ(), "IMAGE_PLATFORM="+test.env), EnginePlatform: test.ask,
				Configs: []buildkit.Config{{Main: "cmd/web", Platforms: strings.Fields(test.config), Origin: "magefile.go:1"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(plans[0].Values, func(v buildkit.Value) bool { return v.Name == "platform" })
			if got := plans[0].Values[i]; got.Value != test.want || got.Origin != test.origin {
				t.Errorf("the platform is %s by %s, want %s by %s", got.Value, got.Origin, test.want, test.origin)
			}
		})
	}
	if _, err := resolve(dir, nil, buildkit.Config{Main: "cmd/web", Platforms: []string{"windows/amd64"}}); err == nil || !strings.Contains(err.Error(), "windows/amd64") {
		t.Errorf("windows/amd64 gives %v, want an error that names it", err)
	}
}

// A mode that is written without 0o is told; those that only look so in decimal are not.
func TestModesOfPeople(t *testing.T) {
	t.Parallel()
	dir := txtar(t, `
-- go.mod --
module example.com/app

go 1.23
-- main.go --
package main

func main() {}
`)
	for mode, good := range map[fs.FileMode]bool{
		0o644: true, 0o640: true, 0o600: true, 0o755: true, 0o700: true, 0o444: true, 0o2755: true, 0o1777: true,
		644: false, 640: false, 600: false, 755: false, 775: false, 777: false, 1777: false, 4755: false,
	} {
		_, err := buildkit.Resolve(context.Background(), buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: []buildkit.Config{{
			Files: []config.File{{From: "main.go", To: "/srv/main.go", Mode: mode}}, Origin: "magefile.go:7",
		}}})
		if (err == nil) != good {
			t.Errorf("mode %#o (%d): %v", uint32(mode), mode, err)
		}
	}
}
