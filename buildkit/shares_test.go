package buildkit

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

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
