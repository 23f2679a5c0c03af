package endtoend_test

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// builderProject returns the hello example with a Builder.
func builderProject(t *testing.T, builder, build, fields string) string {
	t.Helper()
	return project(t, map[string]string{"magefile.go": fmt.Sprintf(`//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

var _ = targets.Configure(targets.Config{Build: targets.Build{Container: %q, %s}, %s})
`, builder, build, fields)})
}

func goEnv(t *testing.T, key string) string {
	t.Helper()
	out, err := exec.Command("go", "env", key).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// A Builder that cannot compile fails with 2 if the configuration is wrong, and with 3 if the engine or a registry failed.
func TestHeavyBuilderCodes(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	at := func(address string) string {
		return fmt.Sprintf(`Engines: map[string]string{"linux/%s": %q}`, runtime.GOARCH, address)
	}
	for _, row := range []struct {
		name, builder string
		fields        string
		env           []string
		code          int
		says          []string
	}{
		{"no engine", "golang:1.26-bookworm", "", []string{"DOCKER_HOST=unix:///nowhere/docker.sock", "IMAGE_PLATFORM=linux/" + runtime.GOARCH}, 3, []string{`the Build.Container "golang:1.26-bookworm" (magefile.go:8) needs a Docker Engine`, "fix: "}},
		{"no image", "localhost:1/fromscratch-test/none:1", "", nil, 3, []string{"localhost:1/fromscratch-test/none:1", "docker login"}},
		{"wrong source mode", "golang:1.26-bookworm", "", []string{"IMAGE_CONTAINER_SOURCES=mount"}, 2, []string{"IMAGE_CONTAINER_SOURCES", "fix: set it to bind or copy"}},
		{"no such context", "golang:1.26-bookworm", at("fromscratch-test-none"), nil, 2, []string{`the engine "fromscratch-test-none" of Build.Engines (magefile.go:8)`, "no such context", "or correct Build.Engines"}},
		{"bad address", "golang:1.26-bookworm", at("ftp://far.example"), nil, 2, []string{`the engine "ftp://far.example" of Build.Engines`, "unknown scheme", "or correct Build.Engines"}},
		{"no engine at the address", "golang:1.26-bookworm", at("unix:///nowhere/docker.sock"), nil, 3, []string{`the engine "unix:///nowhere/docker.sock" of Build.Engines`, "fix: "}},
	} {
		t.Run(row.name, func(t *testing.T) {
			mage(t, builderProject(t, row.builder, row.fields, ""), row.env, "imageArchive").wantError(t, row.code, row.says...)
		})
	}
}

// The targets compile in a Builder and show it in the plan. For an unchanged image they start none.
func TestBuilder(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	builder := buildertest.Image(t)
	const name = "fromscratch-test-builder-image"
	dir := builderProject(t, builder, "", `Name: "`+name+`"`)
	removeImages(t, name+":"+tag)
	env := []string{ownCache(t)}
	if plan := mage(t, dir, env, "imagePlan").wantOK(t).stdout; !strings.Contains(plan, "container ") || !strings.Contains(plan, builder+" (sha256:") {
		t.Errorf("the plan does not show the container:\n%s", plan)
	}
	first := mage(t, dir, env, "image").wantOK(t)
	if !strings.Contains(first.stderr, "builder    started") {
		t.Error("no builder was started")
	}
	again := mage(t, dir, env, "image").wantOK(t)
	if strings.Contains(again.stderr, "started") || !strings.Contains(again.stderr, "is unchanged") {
		t.Error("the second run does not report the image as unchanged")
	}
	if left := docker(t, "ps", "-aq", "--filter", "volume="+dir); left != "" {
		t.Errorf("containers are left: %s", left)
	}
}
