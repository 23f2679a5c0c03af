package buildkit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// The plan is read in logs by many: it has the names of variables, and values only when they are asked for.
func TestPlanHidesValues(t *testing.T) {
	dir := two(t)
	config := buildkit.Config{
		Main: "./cmd/web", Env: map[string]string{"TOKEN": "s3cret-env"}, Origin: "magefile.go:7", Build: config.Build{Env: map[string]string{"GOPROXY": "https://user:s3cret-proxy@proxy.example", "CGO_CFLAGS": "-DKEY=s3cret-flag"}, EnvFor: map[string]map[string]string{"linux/amd64": {"CGO_LDFLAGS": "-Ls3cret-platform"}}, LDFlags: "-X main.from=https://user:s3cret-url@host.example/x"},
	}
	for _, tt := range []struct {
		name       string
		env        []string
		has, hides []string
	}{
		{"by default", nil, []string{"TOKEN", "GOPROXY", "CGO_CFLAGS", "CGO_LDFLAGS", "HOME=/data"}, []string{"s3cret"}},
		{"set to 0", []string{"IMAGE_SHOW_VALUES=0"}, nil, []string{"s3cret"}},
		{"asked for", []string{"IMAGE_SHOW_VALUES=1"},
			[]string{"TOKEN=s3cret-env", "CGO_CFLAGS=-DKEY=s3cret-flag", "CGO_LDFLAGS=-Ls3cret-platform", "GOPROXY=https://•••@proxy.example"},
			[]string{"s3cret-proxy", "s3cret-url"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plans, err := resolve(dir, append([]string{"IMAGE_PLATFORM=linux/amd64"}, tt.env...), config)
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintln(plans[0].Values)
			for _, want := range tt.has {
				if !strings.Contains(text, want) {
					t.Errorf("the plan does not say %q: %s", want, text)
				}
			}
			for _, secret := range tt.hides {
				if strings.Contains(text, secret) {
					t.Errorf("the plan says %q: %s", secret, text)
				}
			}
		})
	}
}
