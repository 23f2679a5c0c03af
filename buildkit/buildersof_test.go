package buildkit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
)

// Each platform is compiled on the engine that Builders names for it, the others on the one that images go into.
func TestHeavyBuildersOfPlatforms(t *testing.T) {
	image := buildertest.Image(t)
	b := builders(t)
	var one sync.Mutex
	asked := map[string]bool{}
	home, engine := b.Engine, openEngine(t)
	b.Engine = func(ctx context.Context, p buildkit.Platform) (*docker.Engine, error) {
		one.Lock()
		defer one.Unlock()
		asked[p.String()] = true
		return home(ctx, p)
	}
	b.At = func(_ context.Context, address string) (*docker.Engine, error) {
		one.Lock()
		defer one.Unlock()
		asked[address] = true
		return engine, nil
	}
	dir := helloModule(t)
	c := buildkit.Config{
		Build: config.Build{Container: image, Engines: map[string]string{"linux/arm64": "ssh://far.example"}}, Platforms: []string{"linux/amd64", "linux/arm64"}, Origin: "magefile.go:7",
	}
	var got []string
	err := runIn(context.Background(), b, buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{c}}, func(built *buildkit.Result) error {
		one.Lock()
		defer one.Unlock()
		got = append(got, built.Image.Config().Platform.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("built are %q", got)
	}
	if !asked["linux/amd64"] || !asked["ssh://far.example"] || asked["linux/arm64"] {
		t.Errorf("asked were %v", asked)
	}
}

// What is wrong with Builders is told before anything is compiled.
func TestBuildersOfPlatformsWrong(t *testing.T) {
	t.Parallel()
	dir := helloModule(t)
	for name, tt := range map[string]struct {
		config buildkit.Config
		say    string
	}{
		"no builder":  {buildkit.Config{Build: config.Build{Engines: map[string]string{"linux/arm64": "ssh://far.example"}}}, "Build.Engines and no Build.Container"},
		"no platform": {buildkit.Config{Build: config.Build{Container: "golang", Engines: map[string]string{"arm65": "ssh://far.example"}}}, `"arm65"`},
	} {
		t.Run(name, func(t *testing.T) {
			tt.config.Origin = "magefile.go:7"
			err := runIn(context.Background(), &buildkit.Builders{Engine: func(context.Context, buildkit.Platform) (*docker.Engine, error) {
				return nil, errors.New("none")
			}}, buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{tt.config}}, nil)
			var wrong *buildkit.ConfigError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.say) || !strings.Contains(err.Error(), "magefile.go:7") {
				t.Errorf("error %v", err)
			}
		})
	}
}
