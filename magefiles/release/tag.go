package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/semver"
)

// Tag tries a version and then tags the last commit with it, once for each module. It pushes nothing. The repository must have no
// changes that are not committed.
func Tag(ctx context.Context, repository, version string, out io.Writer) (err error) {
	if semver.Canonical(version) != version || semver.Major(version) != "v0" && semver.Major(version) != "v1" {
		return fmt.Errorf("%q is no version of these modules\nfix: write it like v1.2.3; v2 needs other module paths", version)
	}
	changed, err := git(ctx, repository, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("there are changes that are not committed:\n%s\nfix: commit them, or put them away", changed)
	}
	commit, err := git(ctx, repository, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	tags := []string{version, targetsDir + "/" + version}
	for _, tag := range tags {
		if found, err := git(ctx, repository, "tag", "--list", tag); err != nil || found != "" {
			return errors.Join(err, fmt.Errorf("the tag %s exists\nfix: choose another version; a published one must not change", tag))
		}
	}
	dir, err := os.MkdirTemp("", "fromscratch-release")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := Try(ctx, repository, dir, version, out, nil); err != nil {
		return fmt.Errorf("trying %s as a user gets it: %w", version, err)
	}
	for i, tag := range tags { // the commit that was tried, also if there is a later one now
		if _, err := git(ctx, repository, "tag", "-m", "fromscratch "+version, tag, commit); err != nil {
			if i > 0 { // both or none
				_, undo := git(context.WithoutCancel(ctx), repository, "tag", "-d", tags[0])
				err = errors.Join(err, undo)
			}
			return err
		}
	}
	fmt.Fprintf(out, "tagged. To publish both modules:\n\n  git push origin %s %s\n", tags[0], tags[1])
	return nil
}

// Try makes a version of both modules in a folder, and tries it as a new user would.
func Try(ctx context.Context, repository, dir, version string, out io.Writer, env []string) error {
	proxy, err := NewProxy(ctx, repository, filepath.Join(dir, "proxy"), version)
	if err != nil {
		return err
	}
	trial := Trial{Proxy: proxy, Dir: filepath.Join(dir, "trial"), Out: out, Env: env}
	if _, err := trial.Run(ctx); err != nil {
		return err
	}
	return trial.Tool(ctx)
}
