package buildkit_test

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A plan is checked as a build is: what is wrong in the Config is told as that, unless Before may put it right.
func TestForeseeChecks(t *testing.T) {
	before := func(context.Context, string) error { return nil }
	for _, tt := range []struct {
		name   string
		config buildkit.Config
		wrong  bool // in the Config
		ok     bool
	}{
		{name: "nothing", ok: true},
		{name: "a folder of somebody else in the place of dist/web", config: buildkit.Config{Main: "./cmd/web"}, wrong: true},
		{name: "a group of plugins that is not known", config: buildkit.Config{Plugins: []string{"font"}}, wrong: true},
		{name: "a file that is not there", config: buildkit.Config{Files: []config.File{{From: "assets", To: "/srv"}}}, wrong: true},
		{name: "the same, with a Before", config: buildkit.Config{Files: []config.File{{From: "assets", To: "/srv"}}, Before: before}},
		{name: "an entrypoint that is not there", config: buildkit.Config{Entrypoint: []string{"/bin/sh"}}, wrong: true},
		{name: "a library of a static program", config: buildkit.Config{Cgo: "off", Libraries: []string{"libz.so.1"}}, wrong: true},
		{name: "a zone that is not there", config: buildkit.Config{Timezones: []string{"Europe/Atlantis"}}, wrong: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := two(t)
			tt.config.Main = cmp.Or(tt.config.Main, "./cmd/worker")
			plans, err := resolve(dir, nil, tt.config)
			if err == nil {
				_, err = plans[0].Foresee(context.Background())
			}
			var wrong *buildkit.ConfigError
			if errors.As(err, &wrong) != tt.wrong || (err == nil) != tt.ok {
				t.Errorf("error %v, wanted: of the Config %t, none %t", err, tt.wrong, tt.ok)
			}
			if _, err := os.Stat(filepath.Join(dir, "dist/worker")); !os.IsNotExist(err) {
				t.Errorf("dist was taken (%v)", err)
			}
		})
	}
}
