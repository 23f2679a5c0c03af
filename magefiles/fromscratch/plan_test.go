package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// imagePlan ends with the code of a build, except for a program that does not compile.
func TestPlanEndsAsABuild(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		config     buildkit.Config
		code       int
		note       string
	}{
		{"nothing", "", buildkit.Config{}, 0, ""},
		{"a program that does not compile", "oops()", buildkit.Config{}, 0, "the plan is incomplete"},
		{"and a base that is not there", "oops()", buildkit.Config{Base: "archive:none.tar"}, exitConfig, ""},
		{"a registry that is not there", "", buildkit.Config{Base: "127.0.0.1:1/acme/none:1"}, exitEngine, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			err := errors.Join(os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/app\n\ngo 1.23\n"), 0o644),
				os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {"+tt.body+"}\n"), 0o644))
			if err != nil {
				t.Fatal(err)
			}
			var notes []string
			ctx := context.Background()
			err = imagePlan(ctx, &images{out: &output{stdout: io.Discard}, inputs: buildkit.Inputs{
				Dir: dir, Environ: os.Environ(), Configs: []buildkit.Config{tt.config}, Bases: buildkit.Bases{Cache: t.TempDir()},
				Report: func(e buildkit.Event) { notes = append(notes, e.Text) },
			}})
			if end := ending(ctx, dialogue.End{}, err); end.Code != tt.code {
				t.Errorf("it ends with %d, want %d (%v)", end.Code, tt.code, err)
			}
			if !strings.Contains(strings.Join(notes, "\n"), tt.note) {
				t.Errorf("the notes are %q, want %q", notes, tt.note)
			}
		})
	}
}
