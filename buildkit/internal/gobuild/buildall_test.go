package gobuild

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Programs of one module are compiled by one go command, each to its own file. A program
// that is up to date is left as it is. Programs with the same name or other flags are
// compiled separately.
func TestBuildAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": `module example.com/many

go 1.23
`,
		"shared/s.go": `package shared

const Text = "shared"
`,
		"cmd/a/main.go": `package main

import "example.com/many/shared"

func main() { println("a", shared.Text) }
`,
		"cmd/b/main.go": `package main

func main() { println("b") }
`,
		"other/b/main.go": `package main

func main() { println("other b") }
`,
		"c/v2/main.go": `package main

func main() { println("c") }
`,
		"d/v1/main.go": `package main

func main() { println("d") }
`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g := Go{Dir: dir, Env: os.Environ()}
	ctx := context.Background()
	mains, err := g.Mains(ctx, Target{}, Options{})
	if err != nil || len(mains) != 5 {
		t.Fatalf("%d programs: %v", len(mains), err)
	}
	var rs []Request
	for _, m := range mains {
		rs = append(rs, Request{Main: m, Output: filepath.Join(dir, "out", strings.ReplaceAll(m.ImportPath, "/", "_"))})
	}
	if got := groups(rs, make([]string, len(rs))); len(got) != 2 || len(got[0]) != 4 {
		t.Errorf("the groups are %v, want four and one", got)
	}
	build := func() {
		t.Helper()
		all, err := g.BuildAll(ctx, dir, rs)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range all {
			out, err := exec.Command(b.Path).CombinedOutput()
			if err != nil || b.Path != rs[i].Output || b.Info.Path != mains[i].ImportPath {
				t.Errorf("%s is %s of %s (%v): %s", rs[i].Output, b.Path, b.Info.Path, err, out)
			}
		}
	}
	build()
	// The go command sets the time of an up-to-date program, but keeps the file.
	files := func() (list []os.FileInfo) {
		for _, r := range rs {
			info, err := os.Lstat(r.Output)
			if err != nil || !info.Mode().IsRegular() {
				t.Fatalf("%s is no file (%v)", r.Output, err)
			}
			list = append(list, info)
		}
		return list
	}
	replaced := func(before []os.FileInfo) (n int) {
		for i, info := range files() {
			if !os.SameFile(info, before[i]) {
				n++
			}
		}
		return n
	}
	first := files()
	build()
	if n := replaced(first); n > 0 {
		t.Errorf("%d programs that were up to date were written again", n)
	}
	if err := os.WriteFile(filepath.Join(dir, "shared/s.go"), []byte("package shared\n\nconst Text = \"changed\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build()
	if n := replaced(first); n != 1 {
		t.Errorf("%d programs were written for a change of one", n)
	}
	if err := os.WriteFile(filepath.Join(dir, "cmd/b/main.go"), []byte("package main\n\nfunc main() { none() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := g.BuildAll(ctx, dir, rs); err == nil || !strings.Contains(err.Error(), "undefined: none") {
		t.Errorf("the compile error is %v", err)
	}
	rest, err := filepath.Glob(filepath.Join(dir, ".programs-*"))
	if err != nil || len(rest) > 0 {
		t.Errorf("left behind: %q (%v)", rest, err)
	}
}
