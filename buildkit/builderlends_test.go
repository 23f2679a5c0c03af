//go:build linux

package buildkit_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A builder has those logins and the agent only that may be needed, and the plan says which these are.
func TestHeavyBuilderLends(t *testing.T) {
	image := buildertest.Image(t)
	need(t, "ssh-agent", "ssh-add", "ssh-keygen")
	keys := t.TempDir()
	output(t, ".", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(keys, "user"))
	socket := startAgent(t, filepath.Join(keys, "user"))
	home := module(t, map[string]string{
		".netrc":           "machine git.example login me password hunter2\nmachine other.example login me password secret\n",
		".ssh/known_hosts": "git.example ssh-ed25519 AAAA\n",
	})
	dir := helloModule(t)
	for _, row := range []struct {
		name    string
		config  buildkit.Config
		environ []string
		netrc   string // in the container
		agent   bool
		plan    string
	}{
		{"nothing", buildkit.Config{}, nil, "", false, ""},
		{"private", buildkit.Config{}, []string{"GOPRIVATE=git.example/team"}, "machine git.example login me password hunter2\n", true, "logins for git.example, the SSH agent (GOPRIVATE)"},
		{"asked", buildkit.Config{Build: config.Build{Lend: []string{"other.example"}}, Origin: "magefile.go:7"}, nil, "machine other.example login me password secret\n", false, "logins for other.example (magefile.go:7)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := row.config
			c.Build.Container, c.Repo = image, repo+"builder-lends"
			environ := append(append(os.Environ(), "HOME="+home, "SSH_AUTH_SOCK="+socket, "GOPRIVATE=", "GOFLAGS=", "NETRC=",
				"GOCACHE="+strings.TrimSpace(output(t, ".", "go", "env", "GOCACHE"))), row.environ...)
			in := buildkit.Inputs{Dir: dir, Environ: environ, Configs: []buildkit.Config{c}}
			err := runIn(context.Background(), builders(t), in, func(built *buildkit.Result) error {
				id := builderContainers(t)
				netrc, _ := exec.Command("docker", "exec", id, "cat", "/.fromscratch/home/.netrc").Output() // there may be none
				agent := exec.Command("docker", "exec", id, "test", "-S", "/.fromscratch/agent").Run() == nil
				known := exec.Command("docker", "exec", id, "test", "-f", "/.fromscratch/home/known_hosts").Run() == nil
				if string(netrc) != row.netrc || agent != row.agent || known != row.agent {
					t.Errorf("the container has the netrc %q, the agent %t, known hosts %t", netrc, agent, known)
				}
				plan := ""
				for _, v := range built.Plan.Values {
					if v.Name == "lent" {
						plan = v.Value + " (" + v.Origin + ")"
					}
				}
				if plan != row.plan {
					t.Errorf("the plan says %q", plan)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
