package gobuild_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestModule(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files     files
		dir       string
		env       []string
		path, sub string // module path and its folder below the files
		workspace string
	}{
		"plain":               {files: files{"go.mod": mod}, path: "example.com/app"},
		"from a folder in it": {files: files{"go.mod": mod, "cmd/a/main.go": main}, dir: "cmd/a", path: "example.com/app"},
		"quoted, commented": {files: files{
			"go.mod": `// module wrong
module "example.com/app" // comment
go 1.23
`,
		}, path: "example.com/app"},
		"a block": {files: files{
			"go.mod": `go 1.23
module (
	example.com/app
)
`,
		}, path: "example.com/app"},
		"in a workspace": {files: workspace, dir: "two", path: "example.com/two/v3", sub: "two", workspace: "go.work"},
		"workspace root": {files: workspace, workspace: "go.work"},
		"workspace off":  {files: workspace, dir: "two", env: []string{"GOWORK=off"}, path: "example.com/two/v3", sub: "two"},
		"stray GOOS":     {files: files{"go.mod": mod}, env: []string{"GOOS=windows", "GOARCH=nonsense"}, path: "example.com/app"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(tt.files.write(t))
			if err != nil {
				t.Fatal(err)
			}
			m, err := goIn(filepath.Join(dir, tt.dir), tt.env...).Module(ctx(t))
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(dir, tt.sub); m.Path != tt.path || m.Dir != want {
				t.Errorf("got %q in %q, want %q in %q", m.Path, m.Dir, tt.path, want)
			}
			if tt.workspace != "" {
				tt.workspace = filepath.Join(dir, tt.workspace)
			}
			if m.Workspace != tt.workspace {
				t.Errorf("workspace %q, want %q", m.Workspace, tt.workspace)
			}
			if !strings.HasPrefix(m.GoVersion, "go1.") || m.HostOS != runtime.GOOS {
				t.Errorf("GoVersion %q, HostOS %q", m.GoVersion, m.HostOS)
			}
			if _, err := os.Stat(filepath.Join(m.GOROOT, "src")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestModuleErrors(t *testing.T) {
	t.Parallel()
	dir := files{"x.txt": ""}.write(t)
	_, err := goIn(dir).Module(ctx(t))
	wantError(t, err, "go mod init example.com/app", dir, "no go.mod")
	_, err = goIn(dir, "GO111MODULE=off").Module(ctx(t))
	wantError(t, err, "unset GO111MODULE", `GO111MODULE is "off"`)
	broken := files{"go.mod": mod + "\nrequire (\n"}.write(t)
	if _, err := goIn(broken).Module(ctx(t)); err == nil || !strings.Contains(err.Error(), "go.mod:") || !strings.Contains(err.Error(), "unterminated block") {
		t.Errorf("a broken go.mod: %v", err)
	}
}
