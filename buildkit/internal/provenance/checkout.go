package provenance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Checkout is the state of a git working tree. The zero value means that there is none.
type Checkout struct {
	Commit string // in hex; "" before the first commit
	Dirty  bool   // files were changed since, or are untracked
	Tag    string // tag of the commit, the last in git's version order; "" if there is none or the tree is dirty
	Remote string // its address without credentials, "https://github.com/acme/server", or ""
}

// Read asks git about the working tree that contains dir. It returns the zero Checkout if there is no working tree or no
// git. environ is git's environment. Files with a name in ignore, in any folder, do not make the tree dirty.
func Read(ctx context.Context, dir string, environ []string, ignore ...string) (Checkout, error) {
	if !inCheckout(dir) {
		return Checkout{}, nil
	}
	g := git{dir, environ}
	var c Checkout
	commit, err := g.run(ctx, "rev-parse", "--verify", "-q", "HEAD")
	var missing *exec.Error
	var failed *exec.ExitError
	switch {
	case errors.As(err, &missing):
		return Checkout{}, nil
	case errors.As(err, &failed) && len(failed.Stderr) == 0:
		// There is no commit yet.
	case err != nil:
		return Checkout{}, err
	}
	c.Commit = commit
	pathspec := []string{"status", "--porcelain", "--untracked-files=normal", "--", ":/"}
	for _, name := range ignore {
		pathspec = append(pathspec, ":(top,exclude,glob)**/"+name)
	}
	changed, err := g.run(ctx, pathspec...)
	if err != nil {
		return Checkout{}, err
	}
	c.Dirty = changed != ""
	if c.Remote, err = g.remote(ctx); err != nil {
		return Checkout{}, err
	}
	if c.Commit != "" && !c.Dirty {
		c.Tag, err = g.tag(ctx)
	}
	return c, err
}

// Revision returns the commit, followed by "-dirty" if the tree is dirty, or "" if it is unknown.
func (c Checkout) Revision() string {
	if c.Commit != "" && c.Dirty {
		return c.Commit + "-dirty"
	}
	return c.Commit
}

// Source returns the working tree as a resource of a build. ok is false if there is no commit.
func (c Checkout) Source() (r Resource, ok bool) {
	if c.Commit == "" {
		return Resource{}, false
	}
	r = Resource{Name: "source", Digest: map[string]string{"gitCommit": c.Commit}, Annotations: map[string]any{"dirty": c.Dirty}}
	if c.Remote != "" {
		// https://spdx.github.io/spdx-spec/v2.3/package-information/#77-package-download-location-field
		r.URI = "git+" + c.Remote + "@" + c.Commit
	}
	return r, true
}

// inCheckout reports whether dir or a folder above it has a folder or file .git.
func inCheckout(dir string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); !errors.Is(err, fs.ErrNotExist) {
			return err == nil
		}
		if dir == filepath.Dir(dir) {
			return false
		}
		dir = filepath.Dir(dir)
	}
}

// git runs git in a folder.
type git struct {
	dir     string
	environ []string
}

// run returns git's output. It changes nothing, not even git's index, and never prompts.
func (g git) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks"}, args...)...)
	cmd.Dir = g.dir
	// If a git hook runs the build, it has set variables of its own repository.
	cmd.Env = append(slices.DeleteFunc(slices.Clone(g.environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "GIT_DIR" || name == "GIT_WORK_TREE" || name == "GIT_INDEX_FILE" || name == "GIT_PREFIX"
	}), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.Output()
	if err == nil {
		return strings.TrimSpace(string(out)), nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var failed *exec.ExitError
	text := ""
	if errors.As(err, &failed) {
		// A repository of somebody else's decides what git says.
		text = ":\n" + plaintext.Output(string(bytes.TrimSpace(failed.Stderr)))
	}
	return "", fmt.Errorf("asking git about %q (git %s): %w%s", g.dir, args[0], err, text)
}

// remote returns the address of "origin", or else of the only remote.
func (g git) remote(ctx context.Context) (string, error) {
	out, err := g.run(ctx, "remote")
	if err != nil || out == "" {
		return "", err
	}
	names := strings.Fields(out)
	name := "origin"
	if !slices.Contains(names, name) {
		if name = names[0]; len(names) > 1 {
			return "", nil
		}
	}
	address, err := g.run(ctx, "remote", "get-url", name)
	return publicAddress(address), err
}

// tag returns a tag of the commit.
func (g git) tag(ctx context.Context) (string, error) {
	out, err := g.run(ctx, "tag", "--points-at", "HEAD", "--sort=version:refname")
	if err != nil || out == "" {
		return "", err
	}
	tags := strings.Fields(out)
	return tags[len(tags)-1], nil
}

// scp matches the short form of an ssh address, "git@github.com:acme/server.git".
var scp = regexp.MustCompile(`^(?:[^@/]+@)?([^:/@]+):([^/].*|/.*)$`)

// publicAddress returns a repository's address without user, password, token and query. For a folder of this machine it
// returns "", because others should not see it.
func publicAddress(address string) string {
	if m := scp.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		return "ssh://" + m[1] + "/" + strings.TrimPrefix(m[2], "/")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
