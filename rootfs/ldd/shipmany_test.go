//go:build linux && amd64

package ldd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// shipped is the number of programs of the machine that get their own root.
const shipped = 400

// The loaders of the machine's programs run in roots of only the closure: started by the kernel, with /proc, as
// in a container. They must find the same files by the same names.
func TestHeavyShipManyPrograms(t *testing.T) {
	closures := manyClosures(t)
	p := &pool{dir: t.TempDir(), files: map[string]string{}}
	var work sync.Mutex // guards the pool
	var compared atomic.Int32
	each(closures, func(source *Closure) {
		root, err := os.MkdirTemp(p.dir, "root")
		if err == nil {
			work.Lock()
			err = p.ship(root, source)
			work.Unlock()
		}
		if err != nil {
			t.Errorf("%s: %v", source.Program().Path, err)
			return
		}
		n := compared.Add(1)
		done, err := mountProc(root)
		if err != nil {
			t.Error(err)
			return
		}
		checkRoot(t, root, source, n%5 == 0)
		done()
		_ = os.RemoveAll(root)
	})
	t.Logf("%d programs were started in roots of their own, %d files", compared.Load(), len(p.files))
	atLeast(t, int(compared.Load()), 300, "programs")
}

// The same programs share one root and its loader configuration.
func TestHeavyShipTogether(t *testing.T) {
	p := &pool{dir: t.TempDir(), files: map[string]string{}}
	root := filepath.Join(p.dir, "root")
	together := manyClosures(t)
	for _, c := range together {
		if err := p.ship(root, c); err != nil {
			t.Fatal(err)
		}
	}
	name, content, _, err := LoaderConfigOf(together...)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, name), content)
	done, err := mountProc(root)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	each(together, func(source *Closure) { checkTrace(t, root, source) })
	t.Logf("%d programs were started in one root", len(together))
}

// checkRoot compares a closure with what Resolve and the real loader find in a root: the paths and, if content
// is set, the content.
func checkRoot(t *testing.T, root string, source *Closure, content bool) {
	t.Helper()
	prog := source.Program().Real
	image, err := Resolve(context.Background(), DirFS(root), Program{Path: prog}, Env{})
	if err != nil {
		t.Error(err)
		return
	}
	if content {
		if err := Compare(context.Background(), source, image); err != nil {
			t.Errorf("%s: %v", prog, err)
		}
	}
	if got, want := traced(image, nil), traced(source, nil); !slices.Equal(got, want) {
		t.Errorf("%s: got\n  %s\nin the source\n  %s", prog, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	checkTrace(t, root, source)
}

// checkTrace compares a closure with what the real loader finds in a root.
func checkTrace(t *testing.T, root string, source *Closure) {
	t.Helper()
	want, err := traceInRoot(root, source)
	// A process that another test is forking may still have the copied program open for writing:
	// https://go.dev/issue/22315.
	for n := 0; errors.Is(err, syscall.ETXTBSY) && n < 20; n++ {
		time.Sleep(50 * time.Millisecond)
		want, err = traceInRoot(root, source)
	}
	if err != nil {
		t.Errorf("%s: the loader: %v", source.Program().Real, err)
		return
	}
	if got := traced(source, nil); !slices.Equal(got, want) {
		t.Errorf("%s: got\n  %s\nthe loader in the root\n  %s", source.Program().Real, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// mountProc mounts /proc in a root, which only root may do. The returned function unmounts it.
func mountProc(root string) (done func(), err error) {
	if os.Getuid() != 0 {
		return func() {}, nil
	}
	proc := filepath.Join(root, "proc")
	err = errors.Join(os.MkdirAll(proc, 0o755), syscall.Mount("proc", proc, "proc", 0, ""))
	return func() { _ = syscall.Unmount(proc, syscall.MNT_DETACH) }, err
}

// traceInRoot starts a program in a root by the kernel; the program ends after its libraries are listed.
// Programs are copied without their set-ID bits, with which the loader would ignore the request. Without /proc
// the loader does not know the path of a program that the kernel started; then the loader is started directly.
func traceInRoot(root string, c *Closure) ([]string, error) {
	cmd := exec.Command(c.Program().Real)
	if os.Getuid() != 0 {
		cmd = exec.Command(c.Loader, c.Program().Real)
	}
	cmd.Dir, cmd.SysProcAttr = "/", inRoot(root, "/").SysProcAttr
	cmd.Env = []string{"LD_TRACE_LOADED_OBJECTS=1"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, errors.Join(err, errors.New(string(out)))
	}
	return parseTrace(c, string(out)), nil
}

// manyClosures resolves programs of the machine: those with the most libraries and a sample of the others.
func manyClosures(t *testing.T) []*Closure {
	t.Helper()
	resolveMany.Do(func() { many = resolvePrograms(t) })
	return many
}

var (
	resolveMany sync.Once
	many        []*Closure
)

// resolvePrograms does the work of manyClosures.
func resolvePrograms(t *testing.T) []*Closure {
	var mu sync.Mutex
	var all []*Closure
	each(hostFiles(t, isProgram, "/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/lib/git-core"), func(name string) {
		c, err := Resolve(context.Background(), DirFS("/"), Program{Path: name}, Env{})
		if err == nil && c.Flavour == Glibc {
			mu.Lock()
			all = append(all, c)
			mu.Unlock()
		}
	})
	slices.SortFunc(all, func(a, b *Closure) int {
		if n := len(b.Objects) - len(a.Objects); n != 0 {
			return n
		}
		return strings.Compare(a.Program().Path, b.Program().Path)
	})
	if len(all) == 0 {
		skip(t, "there is no dynamic program on this machine")
	}
	const most = 100
	out := all[:min(most, len(all))]
	if rest := all[len(out):]; len(rest) > 0 {
		step := max(1, len(rest)/(shipped-most))
		for i := 0; i < len(rest); i += step {
			out = append(slices.Clip(out), rest[i])
		}
	}
	return out
}

// pool keeps one copy of each file. Roots have hard links to the copies.
type pool struct {
	dir   string
	files map[string]string
}

// ship is like the function ship, with links to the pool.
func (p *pool) ship(root string, c *Closure) error {
	for _, o := range c.Objects {
		for _, dir := range o.Dirs {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				return err
			}
		}
		for _, l := range o.Links {
			name := filepath.Join(root, l.Path)
			if have, err := os.Readlink(name); err == nil && have == l.Target {
				continue
			}
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.Symlink(l.Target, name)); err != nil {
				return err
			}
		}
		kept, err := p.keep(o.Real)
		if err != nil {
			return err
		}
		name := filepath.Join(root, o.Real)
		err = os.MkdirAll(filepath.Dir(name), 0o755)
		if err = errors.Join(err, os.Link(kept, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if name, data, needed := c.LoaderConfig(); needed {
		name = filepath.Join(root, name)
		return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o644))
	}
	return nil
}

// keep copies a file of the host into the pool, once.
func (p *pool) keep(real string) (string, error) {
	if name, ok := p.files[real]; ok {
		return name, nil
	}
	data, err := os.ReadFile(real)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(p.dir, "file")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o755), f.Close())
	p.files[real] = f.Name()
	return f.Name(), err
}
