package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// command runs git in a folder.
type command struct {
	dir     string
	environ []string
}

// run returns git's output. It changes nothing, not even git's index, and never prompts.
func (g command) run(ctx context.Context, args ...string) (string, error) {
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

// commit returns the commit that is checked out, "" before the first one.
func (g command) commit(ctx context.Context) (string, error) {
	commit, err := g.run(ctx, "rev-parse", "--verify", "-q", "HEAD")
	var failed *exec.ExitError
	if errors.As(err, &failed) && len(failed.Stderr) == 0 {
		return "", nil
	}
	return commit, err
}

// dirty reports whether files differ from the commit, or are not in git. Files with a name in ignore do not count.
func (g command) dirty(ctx context.Context, ignore []string) (bool, error) {
	args := []string{"status", "--porcelain", "--untracked-files=normal", "--", ":/"}
	for _, name := range ignore {
		args = append(args, ":(top,exclude,glob)**/"+name)
	}
	changed, err := g.run(ctx, args...)
	return changed != "", err
}

// tag returns a tag of the commit.
func (g command) tag(ctx context.Context) (string, error) {
	out, err := g.run(ctx, "tag", "--points-at", "HEAD", "--sort=version:refname")
	if err != nil || out == "" {
		return "", err
	}
	tags := strings.Fields(out)
	return tags[len(tags)-1], nil
}
