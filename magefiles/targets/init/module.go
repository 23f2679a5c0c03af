package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/plaintext"
)

const (
	targetsModule = "github.com/fromscratch-go/fromscratch/magefiles/targets"
	mageModule    = "github.com/magefile/mage"
)

// userModule is the module that gets the targets.
type userModule struct {
	root     string   // folder of its go.mod
	mage     string   // folder of the module that the magefile belongs to: root, or a magefiles folder with a go.mod of its own
	programs []string // main packages, relative to root: "./cmd/server"
	files    []string // existing magefiles
	alias    string   // of the import; "" if our targets have names that are free
}

// command returns the command line that runs a target of ours.
func (m userModule) command(target string) string {
	tool := "go tool mage "
	if m.mage != m.root {
		tool = "go -C magefiles tool mage -w .. " // mage looks for imports from the current folder
	}
	if m.alias != "" {
		tool += m.alias + ":"
	}
	return tool + target
}

// findModule finds the module of the current folder, its programs and its magefiles.
func findModule(ctx context.Context) (userModule, error) {
	env, err := goCommand(ctx, ".", "env", "GOMOD", "GOVERSION")
	if err != nil {
		return userModule{}, err
	}
	values := strings.Split(strings.TrimSpace(env), "\n")
	if len(values) != 2 || values[0] == "" || values[0] == os.DevNull {
		return userModule{}, usageError{errors.New("this folder is in no module\nfix: go mod init example.com/name, or run init in the folder of the module")}
	}
	if !hasTools(values[1]) {
		return userModule{}, usageError{fmt.Errorf("this is %s, and tools in go.mod need Go 1.24\nfix: use a newer Go; what go.mod says may stay", values[1])}
	}
	m := userModule{root: filepath.Dir(values[0])}
	m.mage = m.root
	if _, err := os.Stat(filepath.Join(m.root, "magefiles", "go.mod")); err == nil {
		m.mage = filepath.Join(m.root, "magefiles")
	}
	list, err := goCommand(ctx, m.root, "list", "-e", "-find", "-f", `{{if eq .Name "main"}}{{.Dir}}{{end}}`, "./...")
	if err != nil {
		return userModule{}, err
	}
	for _, dir := range strings.Split(list, "\n") {
		if dir == "" {
			continue
		}
		rel, err := filepath.Rel(m.root, dir)
		if err != nil {
			return userModule{}, err
		}
		m.programs = append(m.programs, localPath(rel))
	}
	if len(m.programs) == 0 {
		return userModule{}, usageError{fmt.Errorf("the module in %q has no main package, so there is nothing to make an image of\nfix: write one, or run init in the module that has it", m.root)}
	}
	return m, m.findMagefiles()
}

// localPath returns a folder as the go command names its package.
func localPath(rel string) string {
	if rel == "." {
		return "."
	}
	return "./" + filepath.ToSlash(rel)
}

// hasTools reports whether a Go version knows tools in go.mod (https://go.dev/doc/go1.24#tools).
func hasTools(version string) bool {
	rest, ok := strings.CutPrefix(version, "go1.")
	if !ok {
		return true // a development version
	}
	digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if digits >= 0 {
		rest = rest[:digits]
	}
	minor, err := strconv.Atoi(rest)
	return err != nil || minor >= 24
}

// require adds package targets in a version, and mage as a tool, to go.mod. "go mod tidy" is not run: it changes more.
func (m userModule) require(ctx context.Context, version string) error {
	if _, err := goCommand(ctx, m.mage, "get", targetsModule+"@"+version); err != nil {
		return err
	}
	selected := func(module string) (string, error) {
		out, err := goCommand(ctx, m.mage, "list", "-m", "-mod=mod", "-f", "{{.Version}}", module)
		return strings.TrimSpace(out), err
	}
	mage, err := selected(mageModule)
	if err != nil {
		return err
	}
	if _, err := goCommand(ctx, m.mage, "get", "-tool", mageModule+"@"+mage); err != nil {
		return err
	}
	// The go command marks it as indirect, because it does not look into magefiles.
	got, err := selected(targetsModule)
	if err != nil || got == "" {
		return err
	}
	_, err = goCommand(ctx, m.mage, "mod", "edit", "-droprequire="+targetsModule, "-require="+targetsModule+"@"+got)
	return err
}

// vendor adds what the magefile imports to vendor/, if there is one.
func (m userModule) vendor(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(m.mage, "vendor", "modules.txt")); err != nil {
		return nil
	}
	_, err := goCommand(ctx, m.mage, "mod", "vendor")
	return err
}

// remember reads files, and returns a function that makes them as they were.
func remember(paths ...string) (back func() error, err error) {
	contents := map[string][]byte{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		contents[path] = content
	}
	return func() error {
		var errs []error
		for path, content := range contents {
			if content == nil {
				if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
					errs = append(errs, err)
				}
				continue
			}
			errs = append(errs, os.WriteFile(path, content, 0o644))
		}
		return errors.Join(errs...)
	}, nil
}

// goCommand runs the go command in a folder and returns its stdout. A -mod in GOFLAGS is left out: -mod=vendor would forbid what
// go get does.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if args[0] != "env" {
		var flags []string
		for _, flag := range strings.Fields(os.Getenv("GOFLAGS")) {
			if !strings.HasPrefix(strings.TrimLeft(flag, "-"), "mod=") {
				flags = append(flags, flag)
			}
		}
		cmd.Env = append(os.Environ(), "GOFLAGS="+strings.Join(flags, " "))
	}
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, plaintext.Output(strings.TrimSpace(stderr.String())))
	}
	return stdout.String(), nil
}
