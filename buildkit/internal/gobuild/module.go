package gobuild

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Module is the module that the go command works in.
type Module struct {
	Path      string // module path; "" at the root of a workspace without a module of its own
	Dir       string // folder of go.mod, else that of go.work
	GoMod     string // path of go.mod; "" as for Path
	Workspace string // path of go.work; "" when there is none
	GoVersion string // of the go command that compiles here, after toolchain lines: "go1.25.1"
	GOROOT    string // of that go command
	HostOS    string // GOOS of the machine that it runs on
	HostArch  string // GOARCH of that machine
	Cache     string // GOMODCACHE, the folder with the sources of modules
}

// Module asks the go command which module the folder belongs to, with one `go env`
// (about 5 ms). It ignores Options.Env.
func (g Go) Module(ctx context.Context) (Module, error) {
	t, err := normal(Target{})
	if err != nil {
		return Module{}, err
	}
	env, err := g.environ(t, Options{}, false)
	if err != nil {
		return Module{}, err
	}
	vars, err := g.goEnv(ctx, env, "GOMOD", "GOWORK", "GOVERSION", "GOROOT", "GOHOSTOS", "GOHOSTARCH", "GO111MODULE", "GOMODCACHE")
	if err != nil {
		return Module{}, err
	}
	m := Module{GoMod: vars["GOMOD"], Workspace: vars["GOWORK"], GoVersion: vars["GOVERSION"], GOROOT: vars["GOROOT"], HostOS: vars["GOHOSTOS"], HostArch: vars["GOHOSTARCH"], Cache: vars["GOMODCACHE"]}
	if m.Workspace == "off" { // GOWORK=off
		m.Workspace = ""
	}
	if m.GoMod == os.DevNull {
		m.GoMod = ""
	}
	return m.locate(g.Dir, vars["GO111MODULE"])
}

// maxModFile bounds a go.mod or go.work, in bytes. The go command has the same bound.
const maxModFile = 16 << 20

// readModFile reads a go.mod or go.work. The go command of a Runner may name any file of this machine, even a device.
func readModFile(name string) (content []byte, err error) {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, fmt.Errorf("%q is no file", name))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err = io.ReadAll(io.LimitReader(f, maxModFile+1))
	if len(content) > maxModFile {
		return nil, fmt.Errorf("%q has more than %d bytes", name, maxModFile)
	}
	return content, err
}

// locate fills in the folder and the path.
func (m Module) locate(dir, mode string) (Module, error) {
	switch {
	case m.GoMod != "":
		m.Dir = filepath.Dir(m.GoMod)
		file, err := parseModFile(m.GoMod)
		if err != nil {
			return m, fmt.Errorf("reading the module path: %w", err)
		}
		if file.Module != nil {
			m.Path = file.Module.Mod.Path
		}
		return m, nil
	case m.Workspace != "":
		m.Dir = filepath.Dir(m.Workspace)
		return m, nil
	case mode == "off":
		return m, fmt.Errorf("finding the module of %q: GO111MODULE is \"off\"\nfix: unset GO111MODULE", dir)
	}
	return m, fmt.Errorf("finding the module of %q: no go.mod there or in a folder above\nfix: go mod init example.com/app", dir)
}

// goEnv asks the go command for values of its environment, with defaults and those
// of `go env -w`.
func (g Go) goEnv(ctx context.Context, env []string, keys ...string) (map[string]string, error) {
	c := command{doing: "asking the go command for its environment", env: env, flags: getenv(env, "GOFLAGS")}
	c.args = append([]string{"env", "-json"}, keys...)
	out, err := g.run(ctx, c)
	if err != nil {
		return nil, err
	}
	var vars map[string]string
	if err := json.Unmarshal(out, &vars); err != nil {
		return nil, fmt.Errorf("reading the output of go env: %w", err)
	}
	return vars, nil
}

// parseModFile parses a go.mod or go.work (https://go.dev/ref/mod#go-mod-file). It ignores what only the go command can judge:
// directives that are newer than the parser, and versions, which may be branches.
func parseModFile(name string) (*modfile.File, error) {
	content, err := readModFile(name)
	if err != nil {
		return nil, err
	}
	return modfile.ParseLax(name, content, func(path, _ string) (string, error) {
		_, major, _ := module.SplitPathVersion(path)
		return cmp.Or(module.PathMajorPrefix(major), "v0") + ".0.0", nil
	})
}

// Versioned reports whether a module in a program's build information has a version by which everyone can get it.
func Versioned(m *debug.Module) bool {
	return m.Version != "" && m.Version != "(devel)" && !strings.Contains(m.Version, "+dirty")
}
