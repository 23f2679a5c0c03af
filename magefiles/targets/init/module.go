package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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
	paths    []string // their import paths
	goflags  string   // for the go command
	files    []string // existing magefiles
	alias    string   // of the import; "" if our targets have names that are free
}

// command returns the command line for one of our targets.
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
	var env struct{ GOMOD, GOVERSION, GOFLAGS string }
	text, err := userModule{}.goCommand(ctx, ".", "env", "-json", "GOMOD", "GOVERSION", "GOFLAGS")
	if err == nil {
		err = json.Unmarshal([]byte(text), &env)
	}
	if err != nil {
		return userModule{}, err
	}
	if env.GOMOD == "" || env.GOMOD == os.DevNull {
		return userModule{}, usageError{errors.New("this folder is in no module\nfix: go mod init example.com/name, or run init in the folder of the module")}
	}
	if !hasTools(env.GOVERSION) {
		return userModule{}, usageError{fmt.Errorf("this is %s, and tools in go.mod need Go 1.24\nfix: use a newer Go; what go.mod says may stay", env.GOVERSION)}
	}
	m := userModule{root: filepath.Dir(env.GOMOD)}
	m.mage = m.root
	// A -mod is for builds of the module. An empty variable would not hide what "go env -w" has stored.
	flags := []string{"-buildvcs=false"}
	for _, flag := range strings.Fields(env.GOFLAGS) {
		if !strings.HasPrefix(strings.TrimLeft(flag, "-"), "mod=") {
			flags = append(flags, flag)
		}
	}
	m.goflags = strings.Join(flags, " ")
	if _, err := os.Stat(filepath.Join(m.root, "magefiles", "go.mod")); err == nil {
		m.mage = filepath.Join(m.root, "magefiles")
	}
	list, err := m.goCommand(ctx, m.root, "list", "-e", "-find", "-f", `{{if eq .Name "main"}}{{.ImportPath}} {{.Dir}}{{end}}`, "./...")
	if err != nil {
		return userModule{}, err
	}
	for _, line := range strings.Split(list, "\n") {
		importPath, dir, ok := strings.Cut(line, " ")
		if !ok {
			continue
		}
		rel, err := filepath.Rel(m.root, dir)
		if err != nil {
			return userModule{}, err
		}
		m.programs = append(m.programs, localPath(rel))
		m.paths = append(m.paths, importPath)
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

// require adds package targets in a version, and mage as a tool, to go.mod, and their sums to go.sum. It loads no other requirement,
// so none can change. "go get" loads them all: it may change versions, and fails if only a workspace has one of the modules.
func (m userModule) require(ctx context.Context, version string) error {
	targets, err := m.download(ctx, targetsModule, version)
	if err != nil {
		return err
	}
	edits := []string{"mod", "edit", "-tool=" + mageModule, "-require=" + targetsModule + "@" + targets.Version}
	sums := targets.sums(targetsModule)
	wanted, err := required(targets.GoMod, mageModule)
	if err != nil {
		return err
	}
	has, err := required(filepath.Join(m.mage, "go.mod"), mageModule)
	if err != nil {
		return err
	}
	if has == "" || older(has, wanted) {
		mage, err := m.download(ctx, mageModule, wanted)
		if err != nil {
			return err
		}
		edits, sums = append(edits, "-require="+mageModule+"@"+mage.Version), append(sums, mage.sums(mageModule)...)
	}
	if _, err := m.goCommand(ctx, m.mage, edits...); err != nil {
		return err
	}
	return addSums(filepath.Join(m.mage, "go.sum"), sums)
}

// downloaded is what "go mod download -json" says of a module. The go command has checked its sums.
type downloaded struct{ Version, Sum, GoModSum, GoMod string }

// download gets a module into the module cache.
func (m userModule) download(ctx context.Context, path, version string) (d downloaded, err error) {
	// In no module: there, the go command would look at other requirements too.
	dir, err := os.MkdirTemp("", "fromscratch-init-")
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	text, err := m.goCommand(ctx, dir, "mod", "download", "-json", path+"@"+version)
	if err != nil {
		var said struct{ Error string }
		if json.Unmarshal([]byte(text), &said) == nil && said.Error != "" {
			err = fmt.Errorf("downloading %s@%s: %s", path, version, plaintext.Output(said.Error))
		}
		return d, err
	}
	return d, json.Unmarshal([]byte(text), &d)
}

// sums returns the module's lines of go.sum (https://go.dev/ref/mod#go-sum-files).
func (d downloaded) sums(path string) []string {
	return []string{path + " " + d.Version + " " + d.Sum, path + " " + d.Version + "/go.mod " + d.GoModSum}
}

// addSums adds the lines that a go.sum lacks.
func addSums(path string, lines []string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all := string(text)
	if all != "" && !strings.HasSuffix(all, "\n") {
		all += "\n"
	}
	for _, line := range lines {
		if !strings.Contains("\n"+all, "\n"+line+"\n") {
			all += line + "\n"
		}
	}
	return os.WriteFile(path, []byte(all), 0o644)
}

// required returns the version in which a go.mod requires a module, "" if it does not.
func required(gomod, module string) (string, error) {
	text, err := os.ReadFile(gomod)
	if err != nil {
		return "", err
	}
	for _, line := range strings.Split(string(text), "\n") {
		line, _, _ := strings.Cut(line, "//")
		words := strings.Fields(line)
		if len(words) > 0 && words[0] == "require" {
			words = words[1:]
		}
		if len(words) == 2 && strings.Trim(words[0], "\"`") == module && strings.HasPrefix(words[1], "v") {
			return words[1], nil
		}
	}
	return "", nil
}

// older reports whether a version is older than a released one. What follows the third number counts as nothing.
func older(version, released string) bool {
	var a, b [3]int
	fmt.Sscanf(version, "v%d.%d.%d", &a[0], &a[1], &a[2])
	fmt.Sscanf(released, "v%d.%d.%d", &b[0], &b[1], &b[2])
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// vendor adds what the magefile imports to vendor/, if there is one.
func (m userModule) vendor(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(m.mage, "vendor", "modules.txt")); err != nil {
		return nil
	}
	_, err := m.goCommand(ctx, m.mage, "mod", "vendor")
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

// goCommand runs the go command in a folder and returns its stdout.
func (m userModule) goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.WaitDelay = 2 * time.Second // a program that the go command has left may hold its output
	if m.goflags != "" {
		cmd.Env = append(os.Environ(), "GOFLAGS="+m.goflags)
	}
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, plaintext.Output(strings.TrimSpace(stderr.String())))
	}
	return stdout.String(), nil
}
