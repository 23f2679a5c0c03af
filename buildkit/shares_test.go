package buildkit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/filelock"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
)

// Plans share the lists of their sources: what a build notes of them changes no list.
func TestLayoutReadsKeepSources(t *testing.T) {
	files := append(make([]string, 0, 8), "/m/go.mod", "/m/main.go", "/m/other.go")
	src := gobuild.Sources{Module: t.TempDir(), Files: files[:2], Folders: []string{"/m/folder"}}
	b := &Built{Plan: plan.Image{Main: gobuild.Main{Sources: src}, Run: plan.Run{Dir: "/m"}, Root: "/m", Binary: "/app"}}
	if _, err := b.layoutReads(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"/m/go.mod", "/m/main.go", "/m/other.go"}; !slices.Equal(files, want) {
		t.Errorf("the list is now %q", files)
	}
}

// So many images are made and used at once as was said, over all groups together.
func TestEachGroupBounds(t *testing.T) {
	const atOnce = 2
	groups := [][]int{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}}
	var now, most, made, used atomic.Int32
	busy := func() {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
	}
	err := eachGroup(context.Background(), groups, atOnce, func(int, context.Context) error {
		busy()
		made.Add(1)
		return nil
	}, func(_ context.Context, group []int, err error) error {
		busy()
		used.Add(int32(len(group)))
		return err
	})
	if err != nil || made.Load() != 12 || used.Load() != 12 {
		t.Errorf("made %d, used %d, %v", made.Load(), used.Load(), err)
	}
	if most.Load() > atOnce {
		t.Errorf("%d at once, want %d", most.Load(), atOnce)
	}
}

// A group whose image fails is used with the error, and its other images are not begun.
func TestEachGroupFails(t *testing.T) {
	broken := errors.New("broken")
	var begun atomic.Int32
	err := eachGroup(context.Background(), [][]int{{1, 2, 3}}, 1, func(i int, _ context.Context) error {
		begun.Add(1)
		return broken
	}, func(_ context.Context, _ []int, err error) error { return err })
	if !errors.Is(err, broken) || begun.Load() != 1 {
		t.Errorf("begun %d, %v", begun.Load(), err)
	}
}

// What was made of all platforms is removed only by who holds its folder.
func TestGroupIsHeld(t *testing.T) {
	for _, row := range []struct {
		name   string
		remove func(context.Context, *Built) error
		held   bool // is it an error when another run holds the folder
	}{
		{"stale", func(ctx context.Context, b *Built) error { return b.removeStale(ctx) }, true},
		{"discarded", func(_ context.Context, b *Built) error { return b.Plan.DiscardGroup() }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := plan.Image{Root: t.TempDir(), Name: "app", Of: 2}
			b := &Built{Plan: p, Image: &image.Image{ConfigDigest: digest.FromString("c"), ManifestDigest: digest.FromString("m")}}
			if err := errors.Join(p.Group().Make(), os.WriteFile(p.Group().Archive(), []byte("another run's"), 0o644)); err != nil {
				t.Fatal(err)
			}
			l, err := filelock.Acquire(context.Background(), filepath.Join(string(p.Group()), ".lock"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			if err := row.remove(ctx, b); (err != nil) != row.held {
				t.Errorf("while it is held the error is %v", err)
			}
			if !fsx.Exists(p.Group().Archive()) {
				t.Fatal("the archive was removed while another run held the folder")
			}
			if err := errors.Join(l.Release(), row.remove(context.Background(), b)); err != nil || fsx.Exists(p.Group().Archive()) {
				t.Errorf("afterwards the archive stays (%v)", err)
			}
		})
	}
}

// A folder that is not there is not made to remove something from it, and one that is not ours is left alone.
func TestGroupIsLeft(t *testing.T) {
	p := plan.Image{Root: t.TempDir(), Name: "app", Of: 2}
	b := &Built{Plan: p, Image: &image.Image{ConfigDigest: digest.FromString("c"), ManifestDigest: digest.FromString("m")}}
	if err := b.removeStale(context.Background()); err != nil || fsx.Exists(string(p.Group())) {
		t.Errorf("the folder was made (%v)", err)
	}
	if err := errors.Join(os.MkdirAll(string(p.Group()), 0o755), os.WriteFile(p.Group().Archive(), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := b.removeStale(context.Background()); err != nil || !fsx.Exists(p.Group().Archive()) {
		t.Errorf("a file of somebody else is gone (%v)", err)
	}
}
