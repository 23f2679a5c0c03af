package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	modzip "golang.org/x/mod/zip"
)

const (
	mainModule = "github.com/fromscratch-go/fromscratch"
	targetsDir = "magefiles/targets" // folder of the second module; the end of its path, and of its tags
)

// Proxy is a module proxy in a folder, with one version of both modules. The go command takes it as a file:// address in GOPROXY
// (https://go.dev/ref/mod#goproxy-protocol).
type Proxy struct{ dir, version string }

// NewProxy writes the files of a repository to a proxy in dir. The files are those of the last commit with the changes to them
// since; without git, all files.
func NewProxy(ctx context.Context, repository, dir, version string) (Proxy, error) {
	if semver.Canonical(version) != version {
		return Proxy{}, fmt.Errorf("%q is not a version\nfix: write it like v1.2.3", version)
	}
	p := Proxy{dir, version}
	revision, err := revisionOf(ctx, repository)
	if err != nil {
		return Proxy{}, err
	}
	history := repository
	if revision != "" {
		if history, err = historyOf(ctx, repository); err != nil {
			return Proxy{}, err
		}
	}
	for _, sub := range []string{"", targetsDir} {
		if err := p.add(repository, history, revision, sub); err != nil {
			return Proxy{}, fmt.Errorf("adding %q to the module proxy: %w", filepath.Join(mainModule, sub), err)
		}
	}
	return p, nil
}

// revisionOf returns a commit with the files as they are, or "" if the repository is not git's.
func revisionOf(ctx context.Context, repository string) (string, error) {
	if _, err := os.Stat(filepath.Join(repository, ".git")); err != nil {
		return "", nil
	}
	changed, err := git(ctx, repository, "stash", "create")
	if err != nil {
		return "", err
	}
	if changed != "" {
		return changed, nil
	}
	return git(ctx, repository, "rev-parse", "HEAD")
}

// git runs git and returns its output.
func git(ctx context.Context, repository string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", repository, "-c", "user.name=release", "-c", "user.email=release@localhost"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// historyOf returns the folder in which the commits of a repository are read. Package zip wants a folder .git there; a worktree has a
// file of that name, so it is the repository that the worktree belongs to.
func historyOf(ctx context.Context, repository string) (string, error) {
	if info, err := os.Stat(filepath.Join(repository, ".git")); err != nil || info.IsDir() {
		return repository, err
	}
	common, err := git(ctx, repository, "rev-parse", "--path-format=absolute", "--git-common-dir")
	return filepath.Dir(common), err
}

// add adds the module in a subfolder of the repository.
func (p Proxy) add(repository, history, revision, sub string) error {
	m := module.Version{Path: mainModule, Version: p.version}
	if sub != "" {
		m.Path += "/" + sub
	}
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return err
	}
	dir := filepath.Join(p.dir, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	gomod, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(sub), "go.mod"))
	if err != nil {
		return err
	}
	if strings.Contains(string(gomod), "\nreplace ") {
		return errors.New("go.mod has a replace, so \"go run\" and \"go install\" of a version would refuse it\nfix: remove it")
	}
	info := fmt.Sprintf("{\"Version\":%q,\"Time\":%q}\n", p.version, time.Now().UTC().Format(time.RFC3339))
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "list"), []byte(p.version+"\n"), 0o644),
		os.WriteFile(filepath.Join(dir, p.version+".info"), []byte(info), 0o644),
		os.WriteFile(filepath.Join(dir, p.version+".mod"), gomod, 0o644),
	)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, p.version+".zip"))
	if err != nil {
		return err
	}
	return errors.Join(writeZip(f, m, history, revision, sub), f.Close())
}

func writeZip(w io.Writer, m module.Version, repository, revision, sub string) error {
	if revision == "" {
		return modzip.CreateFromDir(w, m, filepath.Join(repository, filepath.FromSlash(sub)))
	}
	return modzip.CreateFromVCS(w, m, repository, revision, sub)
}

// Environ returns the variables that make the go command take our modules from the proxy, and all others from where it did
// before. No checksum database knows our modules yet. modules is the folder of the module cache, so that the user's never has
// a version that nobody has published.
func (p Proxy) Environ(modules string) []string {
	others := os.Getenv("GOPROXY")
	if out, err := exec.Command("go", "env", "GOPROXY").Output(); err == nil {
		others = strings.TrimSpace(string(out))
	}
	return []string{
		"GOPROXY=file://" + filepath.ToSlash(p.dir) + "," + others, "GONOSUMDB=" + mainModule + "," + mainModule + "/*",
		"GONOPROXY=none", "GOMODCACHE=" + modules, "GOFLAGS=-modcacherw", "GOWORK=off",
	}
}
