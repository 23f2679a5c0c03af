package buildkit_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/describe"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// The manifest that is pushed does not depend on whether the engine has the base: it is the registry's, whose layers are
// taken over from its repository. One that is in the engine alone is taken from there, which is said.
func TestPushOnABase(t *testing.T) {
	base := imported(t, alpine(t), "pushed", "ENV FROM=base")
	u := watchUploads(t, registrytest.StartProgram(t, registrytest.ProgramOptions{}))
	there := u.host + "/acme/base:1"
	output(t, "", "docker", "tag", base, there)
	t.Cleanup(func() { exec.Command("docker", "image", "rm", there).Run() })
	output(t, "", "docker", "push", "-q", there)
	dir := asking(t)
	push := func(from, to string, noEngine bool) (*buildkit.Result, string, string) {
		t.Helper()
		in := inputsOn(t, dir, buildkit.Config{Base: from, Repo: u.host + "/acme/" + to})
		in.Bases.RegistryFirst, in.Bases.Cache = true, t.TempDir()
		if noEngine {
			in.Bases.Engine = func(context.Context) (*docker.Engine, error) { return nil, nil }
		}
		var told []string
		in.Report = func(e buildkit.Event) { told = append(told, e.Text) }
		plans, err := buildkit.Resolve(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		built, err := buildkit.Build(context.Background(), plans[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { built.Close() })
		pushed, err := buildkit.PushAll(context.Background(), []*buildkit.Result{built}, buildkit.PushOptions{Cache: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if err := built.Close(); err != nil {
			t.Fatal(err)
		}
		_, digest, _ := strings.Cut(pushed[0].Reference, "@")
		return built, digest, strings.Join(told, "\n")
	}
	_, with, _ := push(there, "with", false)
	built, without, _ := push(there, "without", true)
	if with != without {
		t.Errorf("with the base in the engine the manifest is %s, without it %s", with, without)
	}
	if sent, limit := u.of("acme/with"), ours(built)+200_000; sent == 0 || sent > limit {
		t.Errorf("%d bytes were sent, our own layers and documents have less than %d", sent, limit)
	}
	annotations, err := describe.Annotations(context.Background(), built.Result, nil)
	if err != nil || annotations["org.opencontainers.image.base.digest"] == "" || annotations["org.opencontainers.image.base.name"] != there {
		t.Errorf("the annotations are %v (%v)", annotations, err)
	}

	alone := u.host + "/acme/alone:1"
	output(t, "", "docker", "tag", base, alone)
	t.Cleanup(func() { exec.Command("docker", "image", "rm", alone).Run() })
	if _, _, told := push(alone, "onalone", false); !strings.Contains(told, "warning: "+alone+" is that of the engine") || !strings.Contains(told, "found in the engine") {
		t.Errorf("of a base that only the engine has is told\n%s", told)
	}
}
