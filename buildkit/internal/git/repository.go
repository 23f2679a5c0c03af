package git

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Repository answers questions about the working tree that contains a folder, each at most once. Its methods may be used
// concurrently.
type Repository struct {
	git    command
	ignore []string

	mu    sync.Mutex
	known map[string]answer
}

type answer struct {
	text string
	err  error
}

// Open returns the repository of a folder. It asks nothing yet. environ is git's environment. Files with a name in ignore, in any
// folder, do not make the tree dirty.
func Open(dir string, environ []string, ignore ...string) *Repository {
	return &Repository{git: command{dir, environ}, ignore: ignore, known: map[string]answer{}}
}

// NotThereError says that git does not have what was asked for: no repository, no commit, no tag.
type NotThereError struct{ What, Fix string }

func (e *NotThereError) Error() string { return e.What + "\nfix: " + e.Fix }

// once returns the answer to a question.
func (r *Repository) once(question string, ask func() (string, error)) (string, error) {
	r.mu.Lock()
	known, ok := r.known[question]
	r.mu.Unlock()
	if ok {
		return known.text, known.err
	}
	text, err := ask()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[question] = answer{text, err}
	return text, err
}

// Commit returns the commit that is checked out, in hex.
func (r *Repository) Commit(ctx context.Context) (string, error) {
	return r.once("commit", func() (string, error) {
		if !inCheckout(r.git.dir) {
			return "", &NotThereError{fmt.Sprintf("%q is in no git repository", r.git.dir), "run git init and commit, or build from a clone"}
		}
		commit, err := r.git.commit(ctx)
		var missing *exec.Error
		switch {
		case errors.As(err, &missing):
			return "", &NotThereError{"there is no command git", "install git"}
		case err == nil && commit == "":
			return "", &NotThereError{fmt.Sprintf("the git repository of %q has no commit", r.git.dir), "commit something"}
		}
		return commit, err
	})
}

// ask is once for questions about the commit.
func (r *Repository) ask(ctx context.Context, question string, ask func(commit string) (string, error)) (string, error) {
	commit, err := r.Commit(ctx)
	if err != nil {
		return "", err
	}
	return r.once(question, func() (string, error) { return ask(commit) })
}

// ShortCommit returns the first letters of the commit, as many as git needs to know it by, at least seven.
func (r *Repository) ShortCommit(ctx context.Context) (string, error) {
	return r.ask(ctx, "short", func(string) (string, error) { return r.git.run(ctx, "rev-parse", "--short", "HEAD") })
}

// Tag returns the tag of the commit, of several the last in git's version order.
func (r *Repository) Tag(ctx context.Context) (string, error) {
	return r.ask(ctx, "tag", func(commit string) (string, error) {
		tag, err := r.git.tag(ctx)
		if err == nil && tag == "" {
			err = &NotThereError{fmt.Sprintf("the commit %.12s of %q has no tag", commit, r.git.dir), r.tagFix(ctx)}
		}
		return tag, err
	})
}

// tagFix says how a tag may be got. Shallow clones have no tags unless they are fetched.
func (r *Repository) tagFix(ctx context.Context) string {
	if r.shallow(ctx) {
		return "run git fetch --unshallow --tags: the clone is shallow and may lack the tag (actions/checkout: fetch-depth: 0)"
	}
	return "run git tag, or write {{or .Git.Tag .Git.ShortCommit}}"
}

func (r *Repository) shallow(ctx context.Context) bool {
	text, err := r.git.run(ctx, "rev-parse", "--is-shallow-repository")
	return err == nil && text == "true"
}

// Describe returns the name that git describe --tags --always has for the commit: "v1.2.3" at a tag, "v1.2.3-4-g0123abc" four
// commits later, "0123abc" without any tag. In a shallow clone it is an error if no tag is found.
func (r *Repository) Describe(ctx context.Context) (string, error) {
	return r.ask(ctx, "describe", func(commit string) (string, error) {
		text, err := r.git.run(ctx, "describe", "--tags", "--always")
		if err == nil && strings.HasPrefix(commit, text) && r.shallow(ctx) {
			err = &NotThereError{fmt.Sprintf("the clone %q is shallow, and no tag is near the commit %.12s", r.git.dir, commit), r.tagFix(ctx)}
		}
		return text, err
	})
}

// Branch returns the branch that is checked out.
func (r *Repository) Branch(ctx context.Context) (string, error) {
	return r.ask(ctx, "branch", func(commit string) (string, error) {
		// A tag may have the same name, and a branch may be called HEAD.
		text, err := r.git.quiet(ctx, "symbolic-ref", "-q", "HEAD")
		text = strings.TrimPrefix(text, "refs/heads/")
		if err == nil && text == "" {
			err = &NotThereError{fmt.Sprintf("in %q the commit %.12s is checked out, and no branch", r.git.dir, commit),
				"check a branch out, or take the name from a variable of the CI: {{.Env.GITHUB_REF_NAME}}, {{.Env.CI_COMMIT_REF_NAME}}"}
		}
		return text, err
	})
}

// Time returns the time of the commit by its committer, in UTC: "2026-01-02T15:04:05Z".
func (r *Repository) Time(ctx context.Context) (string, error) {
	return r.ask(ctx, "time", func(string) (string, error) {
		text, err := r.git.run(ctx, "log", "-1", "--no-show-signature", "--format=%ct", "HEAD")
		if err != nil {
			return "", err
		}
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", fmt.Errorf("asking git for the time of the commit in %q: %w", r.git.dir, err)
		}
		return time.Unix(seconds, 0).UTC().Format(time.RFC3339), nil
	})
}

// Dirty reports whether files differ from the commit, or are not in git.
func (r *Repository) Dirty(ctx context.Context) (bool, error) {
	text, err := r.ask(ctx, "dirty", func(string) (string, error) {
		dirty, err := r.git.dirty(ctx, r.ignore)
		return fmt.Sprint(dirty), err
	})
	return text == "true", err
}
