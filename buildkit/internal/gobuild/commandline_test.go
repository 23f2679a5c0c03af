package gobuild_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// CommandLine returns what Build runs: its flags, the user's variables, and the part of GOFLAGS that changes a program.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/app\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name       string
		goflags    string
		target     gobuild.Target
		options    gobuild.Options
		cgo        bool
		args, env  []string
		private    string
		goprivate  string
		wantsError bool
	}{
		{name: "defaults", args: []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}, env: []string{"CGO_ENABLED=0"}},
		{name: "flags of the environment", goflags: "-buildvcs=false -mod=mod -race=false -tags=x -ldflags=-X=a.b=c", goprivate: "example.com",
			args: []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X=a.b=c"}, env: []string{"CGO_ENABLED=0", "GOFLAGS=-race=false -tags=x"}, private: "example.com"},
		{name: "options", goflags: "-tags=x", cgo: true, target: gobuild.Target{Architecture: "arm", Variant: "v6"},
			options: gobuild.Options{Tags: []string{"a", "b"}, Symbols: true, Flags: []string{"-gcflags=-N"}, Env: map[string]string{"CC": "clang", "GOPRIVATE": "example.org", "GOARCH": "arm"}},
			args:    []string{"build", "-trimpath", "-buildvcs=false", "-tags=a,b", "-gcflags=-N"}, env: []string{"CGO_ENABLED=1", "GOARM=6", "CC=clang"}, private: "example.org"},
		{name: "a flag that is refused", options: gobuild.Options{Flags: []string{"-o=x"}}, wantsError: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			env := append(os.Environ(), "GOFLAGS="+row.goflags, "GOPRIVATE="+row.goprivate, "GOENV=off")
			line, err := gobuild.Go{Dir: dir, Env: env}.CommandLine(context.Background(), gobuild.Request{
				Main: gobuild.Main{Cgo: gobuild.CgoDecision{Enabled: row.cgo}}, Target: row.target, Options: row.options,
			})
			if (err != nil) != row.wantsError {
				t.Fatalf("the error is %v", err)
			}
			if !slices.Equal(line.Args, row.args) || !slices.Equal(line.Env, row.env) || line.Private != row.private {
				t.Errorf("got %+v, want %q with %q, private %q", line, row.args, row.env, row.private)
			}
		})
	}
}
