package send

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// Results of all platforms together are removed only while the folder is held.
func TestGroupIsHeld(t *testing.T) {
	for _, row := range []struct {
		name   string
		remove func(context.Context, result.Result) error
		held   bool // an error if another run holds the folder
	}{
		{"stale", RemoveStale, true},
		{"discarded", func(_ context.Context, r result.Result) error { return r.Plan.DiscardGroup() }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := plan.Image{Root: t.TempDir(), Name: "app", Of: 2}
			r := result.Result{Plan: p, Image: &image.Image{ConfigDigest: digest.FromString("c"), ManifestDigest: digest.FromString("m")}}
			if err := errors.Join(p.Group().Make(), os.WriteFile(p.Group().Archive(), []byte("another run's"), 0o644)); err != nil {
				t.Fatal(err)
			}
			l, err := filelock.Acquire(context.Background(), filepath.Join(string(p.Group()), ".lock"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			if err := row.remove(ctx, r); (err != nil) != row.held {
				t.Errorf("while it is held the error is %v", err)
			}
			if !fsx.Exists(p.Group().Archive()) {
				t.Fatal("the archive was removed while another run held the folder")
			}
			if err := errors.Join(l.Release(), row.remove(context.Background(), r)); err != nil || fsx.Exists(p.Group().Archive()) {
				t.Errorf("afterwards the archive stays (%v)", err)
			}
		})
	}
}

// A folder that is missing is not made, and a folder that fromscratch did not make is left alone.
func TestGroupIsLeft(t *testing.T) {
	p := plan.Image{Root: t.TempDir(), Name: "app", Of: 2}
	r := result.Result{Plan: p, Image: &image.Image{ConfigDigest: digest.FromString("c"), ManifestDigest: digest.FromString("m")}}
	if err := RemoveStale(context.Background(), r); err != nil || fsx.Exists(string(p.Group())) {
		t.Errorf("the folder was made (%v)", err)
	}
	if err := errors.Join(os.MkdirAll(string(p.Group()), 0o755), os.WriteFile(p.Group().Archive(), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := RemoveStale(context.Background(), r); err != nil || !fsx.Exists(p.Group().Archive()) {
		t.Errorf("somebody else's file is gone (%v)", err)
	}
}
