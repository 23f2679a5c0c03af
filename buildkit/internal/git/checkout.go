package git

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
	g := command{dir, environ}
	var c Checkout
	commit, err := g.commit(ctx)
	var missing *exec.Error
	switch {
	case errors.As(err, &missing):
		return Checkout{}, nil
	case err != nil:
		return Checkout{}, err
	}
	c.Commit = commit
	if c.Dirty, err = g.dirty(ctx, ignore); err != nil {
		return Checkout{}, err
	}
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

// remote returns the address of "origin", or else of the only remote.
func (g command) remote(ctx context.Context) (string, error) {
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
