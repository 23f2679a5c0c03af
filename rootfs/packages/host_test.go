package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

var (
	need = testkit.Need
	skip = testkit.Skip
)

// run returns the output of a command.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}

// The installed packages are those that dpkg lists.
func TestHostPackages(t *testing.T) {
	t.Parallel()
	need(t, "dpkg-query")
	db, err := Open(ldd.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, p := range db.All() {
		if p.Kind == Deb {
			got.WriteString(strings.Join([]string{p.Name, p.Version, p.Architecture, p.Source, p.SourceVersion}, " ") + "\n")
		}
	}
	want := run(t, "dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n")
	lines := map[string]bool{}
	for _, l := range strings.Split(strings.TrimSpace(want), "\n") {
		if status, rest, _ := strings.Cut(l, " "); status != "config-files" && status != "not-installed" {
			lines[rest] = true
		}
	}
	for _, l := range strings.Split(strings.TrimSpace(got.String()), "\n") {
		if !lines[l] {
			t.Errorf("dpkg does not know %q", l)
		}
		delete(lines, l)
	}
	for l := range lines {
		t.Errorf("not found: %q", l)
	}
}

// The owner of each library of the host is the one that dpkg names. dpkg is asked for both spellings of a
// path, because it does not know that /lib is a link.
func TestHostOwners(t *testing.T) {
	t.Parallel()
	need(t, "dpkg-query", "dpkg")
	libs := hostLibraries(t)
	start := time.Now()
	db, err := Open(ldd.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	opened := time.Since(start)
	some := libs[:min(200, len(libs))]
	for _, l := range some {
		db.Owner(l)
	}
	t.Logf("%d packages: opened in %v, with the owners of %d libraries in %v", len(db.All()), opened, len(some), time.Since(start))
	want := dpkgOwners(t, libs)
	for _, l := range libs {
		p, ok := db.Owner(l)
		if ok != (len(want[l]) > 0) || ok && !want[l][p.Name] {
			t.Errorf("%s: got %v %t, dpkg says %v", l, p, ok, want[l])
		}
		if ok && strings.HasPrefix(l, "/usr/lib/") && db.Copyright(p) == "" {
			t.Errorf("%v has no copyright file", p)
		}
	}
	if err := db.Err(); err != nil {
		t.Error(err)
	}
}

// hostLibraries returns the libraries in the folder of the host's own architecture, without links.
func hostLibraries(t *testing.T) []string {
	t.Helper()
	libs, err := filepath.Glob("/usr/lib/*-linux-gnu/*.so*")
	if err != nil || len(libs) == 0 {
		skip(t, "there are no libraries in /usr/lib/*-linux-gnu")
	}
	var out []string
	for _, l := range libs {
		if info, err := os.Lstat(l); err == nil && info.Mode().IsRegular() {
			out = append(out, l)
		}
	}
	return out
}

// dpkgOwners asks dpkg for the packages of files, in both spellings.
func dpkgOwners(t *testing.T, files []string) map[string]map[string]bool {
	t.Helper()
	args := []string{"-S"}
	for _, f := range files {
		args = append(args, f, strings.TrimPrefix(f, "/usr"))
	}
	out, _ := exec.Command("dpkg", args...).Output() // it fails if a file has no owner
	owners := map[string]map[string]bool{}
	for _, line := range strings.Split(string(out), "\n") {
		pkgs, file, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(line, "diversion ") {
			continue
		}
		if !strings.HasPrefix(file, "/usr/") {
			file = "/usr" + file
		}
		if owners[file] == nil {
			owners[file] = map[string]bool{}
		}
		for _, p := range strings.Split(pkgs, ", ") {
			name, _, _ := strings.Cut(p, ":")
			owners[file][name] = true
		}
	}
	return owners
}

// The files of some packages of the host are those that dpkg lists, without folders.
func TestHostFiles(t *testing.T) {
	t.Parallel()
	need(t, "dpkg")
	db, err := Open(ldd.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"libc6", "libgcc-s1", "zlib1g", "dash", "bash"} {
		p, ok := db.Lookup(name)
		if !ok {
			t.Logf("%s is not installed", name)
			continue
		}
		have := map[string]bool{}
		for _, f := range db.Files(p) {
			have[f] = true
		}
		for _, f := range strings.Split(run(t, "dpkg", "-L", name), "\n") {
			info, err := os.Stat(f) // follows links, such as /lib
			if err != nil || info.IsDir() || strings.Contains(f, "divert") {
				continue
			}
			if real, err := filepath.EvalSymlinks(filepath.Dir(f)); err != nil || !have[filepath.Join(real, filepath.Base(f))] {
				t.Errorf("%s: %s is missing (%v)", name, f, err)
			}
		}
	}
}

func BenchmarkOwner(b *testing.B) {
	for range b.N {
		db, err := Open(ldd.DirFS("/"))
		if err != nil {
			b.Fatal(err)
		}
		db.Owner("/usr/lib/x86_64-linux-gnu/libc.so.6")
	}
}
