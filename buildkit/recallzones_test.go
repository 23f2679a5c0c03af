package buildkit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// Where Go has no time zones of its own, those of the machine count.
func TestRecallSeesTheMachinesZones(t *testing.T) {
	zone := "/usr/share/zoneinfo/Europe/Berlin"
	if _, err := os.Stat(zone); err != nil {
		missing(t, "the package tzdata")
	}
	t.Setenv("GOROOT", withoutZones(t, strings.TrimSpace(output(t, "", "go", "env", "GOROOT"))))
	dir := small(t)
	c := buildkit.Config{Timezones: []string{"Europe/Berlin"}}
	run(t, inputs(dir, c))
	if !stands(t, inputs(dir, c)) {
		t.Fatal("nothing has changed, and the image does not stand")
	}
	memory, err := os.ReadFile(filepath.Join(dir, "dist/small/memory"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(memory), zone+`"`) {
		t.Errorf("%s is not kept in mind", zone)
	}
}

// withoutZones is a GOROOT like another one, but for its time zones.
func withoutZones(t *testing.T, goroot string) string {
	t.Helper()
	dir := t.TempDir()
	link := func(from, to string, but string) {
		entries, err := os.ReadDir(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() == but {
				continue
			}
			if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	link(goroot, dir, "lib")
	if err := os.Mkdir(filepath.Join(dir, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(filepath.Join(goroot, "lib"), filepath.Join(dir, "lib"), "time")
	return dir
}
