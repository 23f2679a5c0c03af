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
)

// each is what happens to files, and what is told of it.
var each = []struct {
	name  string
	files []string
	paths func(p *project) Paths
	do    func(p *project)
	want  []string
	may   []string
}{
	{name: "written", files: []string{"a/a.go", "a/b.go"}, do: func(p *project) { p.write("a/a.go", "package y") }, want: []string{"a/a.go"}},
	{name: "created", files: []string{"a/a.go"}, do: func(p *project) { p.write("a/b.go", "package x") }, want: []string{"a/b.go"}},
	{name: "removed", files: []string{"a/a.go", "a/b.go"}, do: func(p *project) { p.remove("a/b.go") }, want: []string{"a/b.go"}},
	{name: "renamed", files: []string{"a/a.go"}, do: func(p *project) { p.rename("a/a.go", "a/b.go") }, want: []string{"a/a.go", "a/b.go"}},
	{name: "moved in", files: []string{"a/a.go", "c.go"}, do: func(p *project) { p.rename("c.go", "a/c.go") }, want: []string{"a/c.go"}},
	{name: "mode", files: []string{"a/a.go"}, do: func(p *project) { p.do(os.Chmod(p.path("a/a.go"), 0o600)) }, want: []string{"a/a.go"}},
	{name: "touched", files: []string{"a/a.go"}, do: func(p *project) {
		p.do(os.Chtimes(p.path("a/a.go"), time.Time{}, time.Now().Add(time.Hour)))
	}, want: []string{"a/a.go"}},
	{name: "same size and time", files: []string{"a/a.go"}, do: func(p *project) {
		info, err := os.Stat(p.path("a/a.go"))
		p.do(err)
		p.write("a/a.go", "package y")
		p.do(os.Chtimes(p.path("a/a.go"), time.Time{}, info.ModTime()))
	}, want: []string{"a/a.go"}},
	{name: "vim", files: []string{"a/a.go"}, do: func(p *project) {
		p.write("a/.a.go.swp", "swap")
		p.write("a/4913", "")
		p.remove("a/4913")
		p.rename("a/a.go", "a/a.go~")
		p.write("a/a.go", "package y")
		p.remove("a/a.go~")
		p.remove("a/.a.go.swp")
	}, want: []string{"a/a.go"}},
	{name: "written beside and renamed over", files: []string{"a/a.go"}, do: func(p *project) {
		p.write("a/a.go.tmp.1234", "package y")
		p.rename("a/a.go.tmp.1234", "a/a.go")
	}, want: []string{"a/a.go"}, may: []string{"a/a.go.tmp.1234"}},
	{name: "renamed over again and again", files: []string{"a/a.go"}, do: func(p *project) {
		for i := range 5 {
			p.write("a/new", fmt.Sprint("package y", i))
			p.rename("a/new", "a/a.go")
			time.Sleep(30 * time.Millisecond)
		}
	}, want: []string{"a/a.go"}, may: []string{"a/new"}},
	{name: "JetBrains", files: []string{"a/a.go"}, do: func(p *project) {
		p.write("a/a.go___jb_tmp___", "package y")
		p.rename("a/a.go", "a/a.go___jb_old___")
		p.rename("a/a.go___jb_tmp___", "a/a.go")
		p.remove("a/a.go___jb_old___")
	}, want: []string{"a/a.go"}},
	{name: "came and went", files: []string{"a/a.go"}, do: func(p *project) {
		p.write("a/temporary", "x")
		p.remove("a/temporary")
	}, may: []string{"a/temporary"}},
	{name: "folder in a folder", files: []string{"a/a.go"}, do: func(p *project) { p.write("a/b/b.go", "package b") }, want: []string{"a/b"}},
	{name: "beside a file", files: []string{"go.mod", "a/a.go"}, do: func(p *project) { p.write("other", "x") }},
	{name: "a file", files: []string{"go.mod", "a/a.go"}, do: func(p *project) { p.write("go.mod", "module x") }, want: []string{"go.mod"}},
	{name: "a file created", files: []string{"a/a.go"}, do: func(p *project) { p.write("go.mod", "module x") }, want: []string{"go.mod"}},
	{name: "folder removed", files: []string{"a/a.go"}, do: func(p *project) { p.remove("a") }, want: []string{"a/a.go"}},
	{name: "folder created", do: func(p *project) { p.write("a/a.go", "package a") }, want: []string{"a/a.go"}},
	{name: "folder removed and created", files: []string{"a/a.go"}, do: func(p *project) {
		p.remove("a")
		time.Sleep(50 * time.Millisecond)
		p.write("a/b.go", "package a")
	}, want: []string{"a/a.go", "a/b.go"}},
	{name: "folder replaced at once", files: []string{"a/a.go", "new/a.go", "new/b.go"}, do: func(p *project) {
		p.write("new/a.go", "package replaced")
		p.rename("a", "old")
		p.rename("new", "a")
	}, want: []string{"a/a.go", "a/b.go"}},
	{name: "folder above replaced", files: []string{"m/p/q/a.go", "n/p/q/a.go"},
		paths: func(p *project) Paths { return Paths{Dirs: p.paths("m/p/q", "m")} },
		do: func(p *project) {
			p.write("n/p/q/a.go", "package replaced")
			p.rename("m", "old")
			p.rename("n", "m")
		}, want: []string{"m/p/q/a.go"}},
	{name: "folder created far below", paths: func(p *project) Paths { return Paths{Dirs: p.paths("m/p/q"), Files: p.paths("m/p/go.mod")} },
		do: func(p *project) { p.write("m/p/q/a.go", "package a") }, want: []string{"m/p/q/a.go"}},
	{name: "tree", files: []string{"t/a.txt", "t/u/b.txt"}, paths: func(p *project) Paths { return Paths{Trees: p.paths("t")} },
		do: func(p *project) {
			p.write("t/u/b.txt", "changed")
			p.write("t/v/w/c.txt", "new")
		}, want: []string{"t/u/b.txt", "t/v", "t/v/w", "t/v/w/c.txt"}},
	{name: "tree that is a file", files: []string{"t/a.txt", "t/b.txt"}, paths: func(p *project) Paths { return Paths{Trees: p.paths("t/a.txt")} },
		do: func(p *project) {
			p.write("t/new", "changed")
			p.rename("t/new", "t/a.txt")
		}, want: []string{"t/a.txt"}},
	{name: "tree created and removed", files: []string{"x"}, paths: func(p *project) Paths { return Paths{Trees: p.paths("t")} },
		do: func(p *project) {
			p.write("t/a.txt", "new")
			time.Sleep(50 * time.Millisecond)
			p.remove("t")
		}, want: []string{"t", "t/a.txt"}},
	{name: "folder of a tree renamed", files: []string{"t/u/w/a.txt"}, paths: func(p *project) Paths { return Paths{Trees: p.paths("t")} },
		do: func(p *project) {
			p.rename("t/u", "t/v")
			time.Sleep(50 * time.Millisecond)
			p.write("t/v/w/b.txt", "new")
			time.Sleep(50 * time.Millisecond)
			p.write("t/v/w/b.txt", "newer")
		}, want: []string{"t/u", "t/u/w", "t/u/w/a.txt", "t/v", "t/v/w", "t/v/w/a.txt", "t/v/w/b.txt"}},
	{name: "ignored", files: []string{"t/a.txt"}, paths: func(p *project) Paths {
		return Paths{Trees: p.paths("t"), Ignore: append(p.paths("t/dist"), "*.log", "node_modules", "mage_output_file.go")}
	},
		do: func(p *project) {
			p.write("t/dist/app/rootfs/file", "x")
			p.write("t/u/server.log", "x")
			p.write("t/u/node_modules/x/index.js", "x")
			p.write("t/mage_output_file.go", "x")
			p.write("t/u/.server.go.swp", "x")
			p.write("t/#a.txt#", "x")
		}, want: []string{"t/u"}},
	{name: "a file of an ignored name", files: []string{"dist/x.log"}, paths: func(p *project) Paths {
		return Paths{Files: p.paths("dist/x.log"), Ignore: []string{"*.log", "dist"}}
	}, do: func(p *project) { p.write("dist/x.log", "y") }, want: []string{"dist/x.log"}},
}

func TestWatch(t *testing.T) {
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

// A thousand writes are one event, or few.
func TestWatchBurst(t *testing.T) {
	p := newProject(t, "a/a.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a")})
	var want []string
	for i := range 1000 {
		name := fmt.Sprintf("a/f%d.go", i)
		p.write(name, "package a")
		want = append(want, name)
	}
	events := 0
	for len(w.told) < len(want) {
		w.take(<-w.Events())
		events++
	}
	w.want(want...)
	if events > 5 {
		t.Errorf("%d events", events)
	}
}

// Who writes all the time is heard nevertheless.
func TestWatchContinuous(t *testing.T) {
	p := newProject(t, "a/a.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a")})
	stop := time.After(2 * time.Second)
	began := time.Now()
	go func() {
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
	if took := time.Since(began); took > 1800*time.Millisecond {
		t.Errorf("three events took %v", took)
	}
	time.Sleep(time.Until(began.Add(2100 * time.Millisecond)))
	w.want("a/a.go")
}

// What happens while nobody receives is told together afterwards.
func TestWatchBusyReceiver(t *testing.T) {
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
	p := newProject(t, "a/a.go", "b/b.go", "c/c.go", "c/old.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a", "b")})
	w.set(Paths{Dirs: p.paths("a", "c")})
	w.silent() // what is new in the set has not changed for that
	p.write("b/b.go", "dropped")
	p.write("c/c.go", "added")
	w.want("c/c.go")

	// A change that nobody has received yet, and one that nobody has looked at yet.
	p.write("a/a.go", "1")
	time.Sleep(100 * time.Millisecond)
	p.write("c/c.go", "2")
	p.remove("c/old.go")
	w.set(Paths{Dirs: p.paths("a", "c", "b")})
	w.want("a/a.go", "c/c.go", "c/old.go")
	p.write("b/b.go", "again")
	w.want("b/b.go")
}

// What comes into the set and was changed meanwhile is told when the caller says since when.
func TestSetSince(t *testing.T) {
	p := newProject(t, "a/a.go", "b/old.go", "b/new.go")
	long := time.Now().Add(-time.Hour)
	p.do(os.Chtimes(p.path("b/old.go"), time.Time{}, long), os.Chtimes(p.path("b/new.go"), time.Time{}, long))
	w := p.watch(patient, Paths{Dirs: p.paths("a")})
	listed := time.Now()
	p.write("b/new.go", "meanwhile")
	w.set(Paths{Dirs: p.paths("a", "b"), Since: listed})
	w.want("b/new.go")
}

// Changes beside many calls of Set: none is lost.
func TestSetOften(t *testing.T) {
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
		case <-time.After(5 * time.Second):
			t.Fatalf("change %d is lost", i)
		}
		w.silent()
	}
}

func TestErrors(t *testing.T) {
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

// A hundred Watchers leave nothing.
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
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}
