package base

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// ending is a context that ends at a given look and records when.
type ending struct {
	context.Context
	looks, last int
	looked      func()
	ended       func()
}

func (e *ending) Err() error {
	e.looks++
	if e.looked != nil {
		e.looked()
	}
	if e.looks == e.last && e.ended != nil {
		e.ended()
	}
	if e.last > 0 && e.looks >= e.last {
		return context.Canceled
	}
	return nil
}

// After the end of the context, few entries are handled, with or without a header file.
func TestFlattenEndsSoon(t *testing.T) {
	const entries = 60_000
	name := filepath.Join(t.TempDir(), "layer.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(f)
	for i := range entries {
		if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprintf("a/b/%d", i), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	// apply returns how often the context was looked at before the first entry was handled, and in total.
	apply := func(last int) (before, looks, after int, err error) {
		fsys := &FS{root: newFolder("."), layers: []string{name}}
		ctx := &ending{Context: context.Background(), last: last}
		fsys.budget = newBudget(ctx, 1<<30)
		all, left := fsys.budget.entries, 0
		ctx.looked = func() {
			if fsys.budget.entries == all {
				before++
			}
		}
		ctx.ended = func() { left = fsys.budget.entries }
		err = fsys.apply(ctx, 0, name)
		return before, ctx.looks, left - fsys.budget.entries, err
	}
	for _, tt := range []struct {
		name    string
		prepare func() error
	}{
		{"from the layer", func() error { return nil }},
		{"from the header file", func() error { return cache("").index(context.Background(), name, 1<<30) }},
	} {
		if err := tt.prepare(); err != nil {
			t.Fatal(err)
		}
		before, looks, _, err := apply(0)
		if err != nil {
			t.Fatal(err)
		}
		// Half of the work is to read the headers, the other half to apply them.
		if after := looks - before; before < entries/headersPerLook || after < entries/stepsPerLook {
			t.Errorf("%s: the context is looked at %d times while headers are read, %d times while they are applied", tt.name, before, after)
		}
		for _, last := range []int{1, 2, looks / 2, looks - 1, looks} {
			if _, _, after, err := apply(last); !errors.Is(err, context.Canceled) || after > stepsPerLook {
				t.Errorf("%s: ended at the look %d of %d: %d entries were handled after it, error %v", tt.name, last, looks, after, err)
			}
		}
	}
}

// After the end of the context, little is written of a layer that is decompressed.
func TestExpandEndsSoon(t *testing.T) {
	blob, id := layerOfZeros(t, "f", 8<<20)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var written int
	w := writerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			written += len(p)
		}
		stop()
		return len(p), nil
	})
	if err := expand(ctx, w, blobOf(blob), id, &account{}); !errors.Is(err, context.Canceled) || written > 0 {
		t.Errorf("%d bytes were written after the end, error %v", written, err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
