package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	for _, c := range each {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t, c.files...)
			paths := Paths{Dirs: p.paths("a"), Files: p.paths("go.mod")}
			if c.paths != nil {
				paths = c.paths(p)
			}
			w := p.watch(patient, paths)
			if err := w.Polling(); err != nil {
				t.Fatal(err)
			}
			w.may = p.paths(c.may...)
			c.do(p)
			w.want(c.want...)
		})
	}
}

// A tree that was created while it was watched is seen to go, too.
func TestWatchTreeComesAndGoes(t *testing.T) {
	t.Parallel()
	p := newProject(t, "x")
	w := p.watch(patient, Paths{Trees: p.paths("t")})
	for range 2 {
		p.write("t/a.txt", "new")
		w.want("t", "t/a.txt")
		p.remove("t")
		w.want("t", "t/a.txt")
	}
}

// A thousand writes are one event, or a few.
func TestWatchBurst(t *testing.T) {
	t.Parallel()
	p := newProject(t, "a/a.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a")})
	var want []string
	for i := range 1000 {
		name := fmt.Sprintf("a/f%d.go", i)
		p.write(name, "package a")
		want = append(want, name)
	}
	events := 0
	for len(w.got) < len(want) {
		w.take(<-w.Events())
		events++
	}
	w.want(want...)
	if events > 5 {
		t.Errorf("%d events", events)
	}
}

// A file that is written all the time is reported nevertheless.
func TestWatchContinuous(t *testing.T) {
	t.Parallel()
	p := newProject(t, "a/a.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a")})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			os.WriteFile(p.path("a/a.go"), []byte(fmt.Sprint(i)), 0o644)
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	for range 3 {
		w.take(<-w.Events())
	}
	close(stop) // three changes were reported during the writes
	<-stopped
	w.want("a/a.go")
}

// Changes while nobody receives are reported together afterwards.
func TestWatchBusyReceiver(t *testing.T) {
	t.Parallel()
	p := newProject(t, "a/a.go", "a/b.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a")})
	p.write("a/a.go", "1")
	time.Sleep(100 * time.Millisecond)
	p.write("a/b.go", "2")
	time.Sleep(100 * time.Millisecond)
	p.write("a/c.go", "3")
	time.Sleep(300 * time.Millisecond)
	if e := <-w.Events(); len(e.Paths) != 3 {
		t.Errorf("%+v", e)
	}
	w.silent()
}

func TestSet(t *testing.T) {
	t.Parallel()
	p := newProject(t, "a/a.go", "b/b.go", "c/c.go", "c/old.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a", "b")})
	w.set(Paths{Dirs: p.paths("a", "c")})
	w.silent() // new paths of the set are not changes
	p.write("b/b.go", "dropped")
	p.write("c/c.go", "added")
	w.want("c/c.go")

	// One change that was not received yet, and one that was not scanned yet.
	p.write("a/a.go", "1")
	time.Sleep(100 * time.Millisecond)
	p.write("c/c.go", "2")
	p.remove("c/old.go")
	w.set(Paths{Dirs: p.paths("a", "c", "b")})
	w.want("a/a.go", "c/c.go", "c/old.go")
	p.write("b/b.go", "again")
	w.want("b/b.go")
}

// A new path of the set that changed in the meantime is reported if the caller sets Since.
func TestSetSince(t *testing.T) {
	t.Parallel()
	p := newProject(t, "a/a.go", "b/old.go", "b/new.go")
	long := time.Now().Add(-time.Hour)
	p.do(os.Chtimes(p.path("b/old.go"), time.Time{}, long), os.Chtimes(p.path("b/new.go"), time.Time{}, long))
	w := p.watch(patient, Paths{Dirs: p.paths("a")})
	listed := time.Now()
	p.write("b/new.go", "meanwhile")
	w.set(Paths{Dirs: p.paths("a", "b"), Since: listed})
	w.want("b/new.go")
}

// No change is lost during many calls of Set.
func TestSetOften(t *testing.T) {
	t.Parallel()
	p := newProject(t, "a/a.go", "b/b.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a")})
	for i := range 25 {
		paths := Paths{Dirs: p.paths("a")}
		if i%2 == 0 {
			paths.Dirs = p.paths("a", "b")
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.write("a/a.go", strings.Repeat("x", i))
		}()
		w.set(paths)
		<-done
		select {
		case e := <-w.Events():
			w.take(e)
		case <-time.After(testkit.Patience):
			t.Fatalf("change %d is lost", i)
		}
		w.silent()
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	if _, err := Start(context.Background(), Options{}, Paths{Ignore: []string{"[x"}}); err == nil || !strings.Contains(err.Error(), "\nfix: ") {
		t.Error(err)
	}
	p := newProject(t, "a/a.go")
	reason := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(context.Background())
	w, err := Start(ctx, Options{}, Paths{Dirs: p.paths("a")})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Set(ctx, Paths{Ignore: []string{"[x"}}); err == nil {
		t.Error("no error")
	}
	cancel(reason)
	for range w.Events() {
	}
	if err := w.Set(context.Background(), Paths{}); !errors.Is(err, reason) {
		t.Error(err)
	}
}

// A hundred Watchers leave no goroutine behind. No other test runs in parallel, because it counts goroutines.
func TestLeavesNothing(t *testing.T) {
	p := newProject(t, "a/a.go", "t/u/b.txt")
	before := runtime.NumGoroutine()
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		w, err := Start(ctx, Options{}, Paths{Dirs: p.paths("a"), Trees: p.paths("t")})
		if err != nil {
			t.Fatal(err)
		}
		p.write("a/a.go", "x")
		cancel()
		for range w.Events() {
		}
	}
	// The last one may still be ending.
	testkit.WaitFor(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before })
}
