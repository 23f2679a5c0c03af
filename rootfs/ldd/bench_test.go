package ldd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// BenchmarkResolve200 resolves the program of the machine that has about two hundred libraries, with warm
// caches, as one build does.
func BenchmarkResolve200(b *testing.B) {
	for _, name := range []string{"gdalinfo", "vips", "ffmpeg", "gdb", "git"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for _, p := range []Program{{Path: path}, {Path: path, Variants: true}} {
				b.Run(fmt.Sprintf("variants=%t", p.Variants), func(b *testing.B) { resolveOften(b, DirFS("/"), p) })
			}
		})
	}
}

// resolveOften is the loop of the benchmarks.
func resolveOften(b *testing.B, sys FS, p Program) {
	b.Helper()
	libraries := 0
	for range b.N {
		c, err := Resolve(context.Background(), sys, p, Env{})
		if err != nil {
			b.Fatal(err)
		}
		libraries = len(c.Objects)
	}
	b.ReportMetric(float64(libraries), "objects")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(libraries), "µs/object")
}

// BenchmarkResolveChain resolves generated programs, see chain.
func BenchmarkResolveChain(b *testing.B) {
	for _, n := range []int{50, 100, 200, 400} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { resolveOften(b, DirFS(chain(b, n)), Program{Path: "/bin/prog"}) })
	}
}

// chain makes a root with a program of n libraries. Each library needs the next ten.
func chain(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	needed := make([]string, n)
	for i := range needed {
		needed[i] = fmt.Sprintf("lib%d.so.1", i)
	}
	files := map[string][]byte{
		"lib64/ld-linux-x86-64.so.2": fakeLoader,
		"bin/prog":                   fakeELF{Needed: needed[:1], Interp: "/lib64/ld-linux-x86-64.so.2"}.Bytes(),
	}
	for i, name := range needed {
		files["usr/lib/"+name] = fakeELF{Soname: name, Needed: needed[i+1 : min(i+11, n)]}.Bytes()
	}
	for name, data := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// BenchmarkTries opens three hundred plugins that share a few libraries; the program has most of these.
func BenchmarkTries(b *testing.B) {
	path, err := exec.LookPath("gdalinfo")
	if err != nil {
		b.Skip("gdalinfo is not installed")
	}
	plugins, _ := filepath.Glob("/usr/lib/x86_64-linux-gnu/*/*/*.so")
	plugins = plugins[:min(300, len(plugins))]
	resolveOften(b, DirFS("/"), Program{Path: path, Tries: plugins})
}
