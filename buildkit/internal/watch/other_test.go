package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A temporary file that came and went before a scan is not reported.
func TestCameAndWent(t *testing.T) {
	t.Parallel()
	p := newProject(t, "a/a.go")
	w := p.watch(Options{Rescan: time.Hour, Quiet: 500 * time.Millisecond, Limit: time.Second}, Paths{Dirs: p.paths("a")})
	p.write("a/temporary", "x")
	p.remove("a/temporary")
	select {
	case e := <-w.Events():
		t.Errorf("%+v", e)
	case <-time.After(1500 * time.Millisecond):
	}
}

// Without notifications, the Watcher reports what scans find.
func TestPolling(t *testing.T) {
	t.Parallel()
	none := func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }
	for _, c := range each {
		if c.name == "same size and time" {
			continue // polling can't see that
		}
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t, c.files...)
			paths := Paths{Dirs: p.paths("a"), Files: p.paths("go.mod")}
			if c.paths != nil {
				paths = c.paths(p)
			}
			w := p.watchBy(none, Options{Poll: 10 * time.Millisecond}, paths)
			if err := w.Polling(); !errors.Is(err, syscall.EMFILE) || !strings.Contains(err.Error(), "\nfix: raise the limit") {
				t.Fatal(err)
			}
			w.may = p.paths(c.may...)
			c.do(p)
			w.want(c.want...)
		})
	}
}

// A change without a notification, as on a network file system, is found by the regular rescan.
func TestRescan(t *testing.T) {
	t.Parallel()
	p := newProject(t, "a/a.go", "elsewhere/target.go")
	p.do(os.Symlink(p.path("elsewhere/target.go"), p.path("a/link.go")))
	w := p.watch(Options{Rescan: 50 * time.Millisecond}, Paths{Dirs: p.paths("a")})
	p.write("elsewhere/target.go", "package changed")
	w.want("a/link.go")
}

// If the kernel's queue is full, everything is scanned, and the event says that it may be incomplete.
func TestOverflow(t *testing.T) {
	t.Parallel()
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Skip("this system has no such queue")
	}
	var queue int
	if _, err := fmt.Sscan(string(limit), &queue); err != nil {
		t.Fatal(err)
	}
	p := newProject(t, "a/a.go", "a/b.go", "b/b.go")
	w := p.watch(patient, Paths{Dirs: p.paths("a", "b")})
	w.notes.mu.Lock() // stops listen from taking notifications
	p.do(os.Chmod(p.path("a/b.go"), 0o600))
	first, err := os.OpenFile(p.path("a/a.go"), os.O_WRONLY, 0)
	p.do(err)
	defer first.Close()
	second, err := os.OpenFile(p.path("a/b.go"), os.O_WRONLY, 0)
	p.do(err)
	defer second.Close()
	for range queue { // alternating, because equal consecutive notifications merge
		_, err1 := first.Write([]byte("x"))
		_, err2 := second.Write([]byte("x"))
		p.do(err1, err2)
	}
	p.write("b/b.go", "package lost")
	w.notes.mu.Unlock()
	w.want("a/a.go", "a/b.go", "b/b.go")
	if !w.lost {
		t.Error("the event does not say that notifications were lost")
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	s, err := newScope(Paths{
		Files: []string{"/m/go.mod", "/m/dist/keep"}, Dirs: []string{"/m/a"}, Trees: []string{"/m/t", "/srv/www/"},
		Ignore: []string{"*.log", "/m/t/out", "dist"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/m/go.mod": true, "/m/go.sum": false, "/m/dist/keep": true, "/m": false, "/m/a": false, "/m/a/a.go": true,
		"/m/a/b": true, "/m/a/b/b.go": false, "/m/a/x.log": false, "/m/ab/x": false, "/m/a/a.go~": false,
		"/m/t": true, "/m/t/x": true, "/m/t/u/v/x": true, "/m/tt/x": false, "/m/t/u.log/x": false, "/m/t/u/x.log": false,
		"/m/t/out": false, "/m/t/out/x": false, "/m/t/output": true, "/m/t/dist/x": false, "/srv/www/index.html": true, "/srv": false,
	} {
		if got := s.covers(filepath.FromSlash(path)); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// How long a scan takes in a large project: a hundred folders of a hundred files, one of which has changed.
func BenchmarkLook(b *testing.B) {
	dir := b.TempDir()
	var dirs []string
	for i := range 100 {
		folder := filepath.Join(dir, fmt.Sprint(i))
		dirs = append(dirs, folder)
		if err := os.Mkdir(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 100 {
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.go", j)), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	s, err := newScope(Paths{Dirs: dirs})
	if err != nil {
		b.Fatal(err)
	}
	n, err := newNotifier(fsnotify.NewWatcher)
	if err != nil {
		b.Fatal(err)
	}
	defer n.close()
	everything := newNotes()
	everything.all = true
	before, err := n.scan(s, nil, everything)
	if err != nil {
		b.Fatal(err)
	}
	for name, noted := range map[string]notes{"one folder": {dirs: map[string]bool{dirs[7]: true}}, "everything": everything} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				after, err := n.scan(s, before, noted)
				if found := changes(before, after, s, s, time.Time{}); err != nil || len(found) > 0 {
					b.Fatal(found, err)
				}
			}
		})
	}
}
