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
)

// Checkout is the state of a working tree of git. The zero value is none.
type Checkout struct {
	Commit string // in hex; "" before the first one
	Dirty  bool   // files were changed since, or are not known to git
	Tag    string // that the commit has, "" when there is none or the tree is dirty; of several the last in git's order of versions
	Remote string // where it comes from, without credentials: "https://github.com/acme/server"; "" is unknown
}

// Read asks git about the working tree that a folder is in. A folder in none is no error, and neither is a machine
// without git: the Checkout is zero then. environ is the environment of git; files of the names in ignore, anywhere,
// do not make the tree dirty.
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

// Revision is the commit, with "-dirty" behind it when it is not all; "" is unknown.
func (c Checkout) Revision() string {
	if c.Commit != "" && c.Dirty {
		return c.Commit + "-dirty"
	}
	return c.Commit
}

// Source is the working tree as what something was built from; ok is false without a commit.
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

// inCheckout looks for the folder or file .git, here and above.
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

// git is git in a folder.
type git struct {
	dir     string
	environ []string
}

// run returns what git prints. It changes nothing, not even its index, and asks nobody.
func (g git) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks"}, args...)...)
	cmd.Dir = g.dir
	// A hook of git that runs a build has variables of its own repository.
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
		text = ": " + string(bytes.TrimSpace(failed.Stderr))
	}
	return "", fmt.Errorf("asking git about %q (git %s): %w%s", g.dir, args[0], err, text)
}

// remote is the address of "origin", else of the only other one.
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

// tag is a tag of the commit.
func (g git) tag(ctx context.Context) (string, error) {
	out, err := g.run(ctx, "tag", "--points-at", "HEAD", "--sort=version:refname")
	if err != nil || out == "" {
		return "", err
	}
	tags := strings.Fields(out)
	return tags[len(tags)-1], nil
}

// scp is the short form of an address for ssh, "git@github.com:acme/server.git".
var scp = regexp.MustCompile(`^(?:[^@/]+@)?([^:/@]+):([^/].*|/.*)$`)

// publicAddress is the address of a repository as everybody may know it: without user, password, token and query. A
// folder of this machine is nobody else's business.
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
