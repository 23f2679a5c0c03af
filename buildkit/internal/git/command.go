package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// command runs git in a folder.
type command struct {
	dir     string
	environ []string
}

// others are variables that are about another repository, or about one command of the user. If a git hook runs the build, it has set
// them (git rev-parse --local-env-vars, see git(1)). Variables with a configuration stay: it may say that the repository is trusted.
var others = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
	"GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_NAMESPACE",
	"GIT_QUARANTINE_PATH", "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
}

const (
	// maxAnswer limits what is kept of an answer, in bytes. Names of tags and lists of changed files have any length.
	maxAnswer = 1 << 20
	// maxSaid limits an error text.
	maxSaid = 4 << 10
	// grace is how long a program that git has started may keep the output open after git has ended.
	grace = time.Second
)

// errLarge reports an answer that was not kept whole.
var errLarge = fmt.Errorf("its answer has more than %d bytes", maxAnswer)

// run returns git's output. It changes nothing, not even git's index, and never prompts. Two settings of a repository could have git
// run other programs for a question, a monitor of files and a transport for what a partial clone lacks: both are off.
func (g command) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Dir = g.dir
	cmd.Env = append(slices.DeleteFunc(slices.Clone(g.environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(others, name) || strings.HasPrefix(name, "GIT_TRACE")
	}), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none")
	out, said := &limited{most: maxAnswer}, &limited{most: maxSaid}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, said, grace
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		err = nil // git has ended well
	}
	if err == nil && out.more {
		err = errLarge
	}
	if err == nil {
		return strings.TrimSpace(out.kept.String()), nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var failed *exec.ExitError
	text := ""
	if errors.As(err, &failed) {
		failed.Stderr = bytes.TrimSpace(said.kept.Bytes())
		// A repository of somebody else's decides what git says.
		text = ":\n" + plaintext.Output(string(failed.Stderr))
	}
	return "", fmt.Errorf("asking git about %q (git %s): %w%s", g.dir, args[0], err, text)
}

// limited keeps the beginning of what is written to it.
type limited struct {
	kept bytes.Buffer
	most int
	more bool // has been written
}

func (w *limited) Write(p []byte) (int, error) {
	fits := min(len(p), w.most-w.kept.Len())
	w.more = w.more || fits < len(p)
	w.kept.Write(p[:fits])
	return len(p), nil
}

// commit returns the commit that is checked out, "" before the first one.
func (g command) commit(ctx context.Context) (string, error) {
	return g.quiet(ctx, "rev-parse", "--verify", "-q", "HEAD")
}

// quiet asks a question with the flag -q. The answer is "" if git fails and writes no error.
func (g command) quiet(ctx context.Context, args ...string) (string, error) {
	answer, err := g.run(ctx, args...)
	var failed *exec.ExitError
	if errors.As(err, &failed) && failed.Exited() && len(failed.Stderr) == 0 {
		return "", nil
	}
	return answer, err
}

// dirty reports whether files differ from the commit, or are not in git. Files with a name in ignore do not count.
func (g command) dirty(ctx context.Context, ignore []string) (bool, error) {
	args := []string{"status", "--porcelain", "--no-renames", "--untracked-files=normal", "--", ":/"}
	for _, name := range ignore {
		args = append(args, ":(top,exclude,glob)**/"+name)
	}
	changed, err := g.run(ctx, args...)
	if errors.Is(err, errLarge) {
		return true, nil
	}
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
