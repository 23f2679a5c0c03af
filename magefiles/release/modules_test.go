package release

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// realModules are programs of others, with dependencies that our own code has too, in other versions.
var realModules = []struct{ module, why string }{
	{"github.com/fullstorydev/grpcurl@v1.9.3", "grpc"},
	{"github.com/confluentinc/confluent-kafka-go/v2@v2.6.1", "cgo, and genproto from before it was split"},
	{"github.com/grpc-ecosystem/grpc-gateway/v2@v2.16.0", "grpc, genproto"},
	{"github.com/docker/compose/v2@v2.32.4", "docker/cli, otel, k8s client-go"},
	{"k8s.io/sample-controller@v0.32.0", "k8s client-go"},
	{"sigs.k8s.io/kustomize/kustomize/v5@v5.5.0", "k8s"},
	{"github.com/google/ko@v0.17.1", "docker/cli, go-containerregistry"},
	{"github.com/caddyserver/caddy/v2@v2.8.4", "otel"},
	{"github.com/prometheus/prometheus@v0.301.0", "otel, k8s client-go, docker/docker"},
	{"github.com/mikefarah/yq/v4@v4.44.6", "no requirement in common"},
}

// A module that gets the targets has two requirements more, and all others in the same versions.
func TestHeavyRealModules(t *testing.T) {
	testkit.Need(t, "git")
	ctx, dir := context.Background(), t.TempDir()
	// The modules are many, so they stay in the module cache of this user. Ours have a version that no other run has, and do not.
	version := fmt.Sprintf("v0.0.1-real.%d", time.Now().UnixNano())
	proxy, err := NewProxy(ctx, "../..", filepath.Join(dir, "proxy"), version)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.TrimSpace(string(out))
	t.Cleanup(func() { forget(t, modules, version) })
	env := append(os.Environ(), proxy.Environ(modules)...)
	call := func(t *testing.T, in string, args ...string) string {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		var stderr strings.Builder
		cmd.Dir, cmd.Env, cmd.Stderr = in, env, &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q in %s: %v\n%s", args, in, err, stderr.String())
		}
		return string(out)
	}
	env = append(env, "GOBIN="+dir)
	call(t, dir, "go", "install", mainModule+"/"+targetsDir+"/init@"+version)
	for _, m := range realModules {
		name, _, _ := strings.Cut(m.module, "@")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var downloaded struct{ Dir string }
			if err := json.Unmarshal([]byte(call(t, dir, "go", "mod", "download", "-json", m.module)), &downloaded); err != nil {
				t.Fatal(err)
			}
			project := filepath.Join(t.TempDir(), "project")
			copyModule(t, downloaded.Dir, project)
			before, gomod := versions(call(t, project, "go", "list", "-mod=mod", "-m", "all")), read(t, project)
			call(t, project, filepath.Join(dir, "init"))
			added := changedLines(gomod, read(t, project))
			t.Logf("%s (%s): go.mod has other lines:\n%s", m.module, m.why, strings.Join(added, "\n"))
			delete(before, "github.com/magefile/mage") // a dependency may have had an older one
			after := versions(call(t, project, "go", "list", "-mod=mod", "-m", "all"))
			for path, version := range before {
				if after[path] != version {
					t.Errorf("%s was %s, and is %q", path, version, after[path])
				}
				delete(after, path)
			}
			delete(after, mainModule+"/"+targetsDir)
			delete(after, "github.com/magefile/mage")
			if len(after) > 0 {
				t.Errorf("new are %v", after)
			}
			for _, line := range added {
				if !strings.Contains(line, "magefile/mage") && !strings.Contains(line, mainModule) && !slices.Contains([]string{"+ require (", "+ )", "+ ", "+ tool ("}, line) {
					t.Errorf("go.mod has another line: %q", line)
				}
			}
			if targets := call(t, project, "go", "tool", "mage", "-l"); !strings.Contains(targets, "mage") && !strings.Contains(targets, "imagePlan") {
				t.Errorf("mage lists %s", targets)
			}
		})
	}
}

// forget removes our modules in a version from a module cache.
func forget(t *testing.T, modules, version string) {
	t.Helper()
	for _, module := range []string{mainModule, mainModule + "/" + targetsDir} {
		patterns := []string{filepath.Join(modules, module+"@"+version), filepath.Join(modules, "cache", "download", module, "@v", version+".*")}
		for _, pattern := range patterns {
			paths, err := filepath.Glob(pattern)
			if err != nil {
				t.Error(err)
			}
			for _, path := range paths {
				if err := os.RemoveAll(path); err != nil { // -modcacherw lets it be removed
					t.Error(err)
				}
			}
		}
	}
}

func versions(list string) map[string]string {
	all := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(list), "\n") {
		path, version, _ := strings.Cut(line, " ")
		all[path] = version
	}
	return all
}

func read(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// changedLines returns the lines that only one of two texts has, as a diff shows them.
func changedLines(before, after []string) (changed []string) {
	for _, line := range before {
		if !slices.Contains(after, line) {
			changed = append(changed, "- "+strings.TrimSpace(line))
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			changed = append(changed, "+ "+strings.TrimSpace(line))
		}
	}
	return changed
}

// copyModule copies a module from the module cache, where nothing can be written.
func copyModule(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), content, 0o644)
	})
	if err != nil {
		t.Fatal(fmt.Errorf("copying %s: %w", from, err))
	}
}
