package buildkit_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// asks is a program that says what it finds in its image.
const asks = `package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	if len(os.Args) > 1 {
		out, err := exec.Command("/bin/sh", "-c", os.Args[1]).CombinedOutput()
		fmt.Print(string(out))
		if err != nil {
			fmt.Println(err)
		}
		return
	}
	wd, _ := os.Getwd()
	fmt.Println(os.Getuid(), wd, os.Getenv("HOME"), os.Getenv("FROM"), os.Getenv("WHO"))
}
`

func asking(t *testing.T) string {
	t.Helper()
	return txtar(t, `
-- go.mod --
module example.com/asks

go 1.23
-- main.go --
`+asks)
}

// Programs of the base can be the entrypoint and the health check, by path and by name.
func TestBaseHasCommands(t *testing.T) {
	base := imported(t, alpine(t), "commands", "ENV PATH=/bin")
	c := buildkit.Config{Base: base, Repo: repo + "oncommands", Entrypoint: []string{"/bin/sh", "-c"}, Cmd: []string{"/asks"},
		Healthcheck: &config.Healthcheck{Test: []string{"busybox", "true"}}}
	built := mustBuildOn(t, asking(t), c)
	if got := inImage(t, nil, load(t, built)); got != "65534 /data /data  \n" {
		t.Errorf("the program says %q", got)
	}
	c.Workdir, c.Volumes = "/var", []string{"/home/web"}
	built = mustBuildOn(t, asking(t), c)
	for _, e := range built.Tree.Entries() {
		if e.Path == "/var" || e.Path == "/home/web" {
			t.Errorf("the base's folder %s is in our layers", e.Path)
		}
	}
	c.Entrypoint = []string{"/bin/bash"}
	_, err := buildOn(t, asking(t), c)
	wantWords(t, err, `"/bin/bash"`, "not in the image", "fix: name /asks or an executable of Files or of the base "+base)
}

// ours is the size of the layers above the base, in bytes.
func ours(built *buildkit.Result) int64 {
	var size int64
	for _, l := range built.Image.Layers {
		if l.Comment == "fromscratch" {
			size += l.Size
		}
	}
	return size
}

// A program of musl finds its C library in the base, and brings none.
func TestHeavyBaseOfMusl(t *testing.T) {
	need(t, "musl-gcc")
	base := imported(t, alpine(t), "musl")
	built := mustBuildOn(t, ownCopy(t, "musl"), buildkit.Config{
		Base: base, Repo: repo + "onmusl", Build: config.Build{Cgo: "on", Env: map[string]string{"CC": "musl-gcc"}},
	})
	for _, e := range built.Tree.Entries() {
		if strings.HasPrefix(e.Path, "/lib/") {
			t.Errorf("%s is in our layers, and the base has it", e.Path)
		}
	}
	if got := inImage(t, nil, load(t, built)); got != "glibc: false user: nobody\n" {
		t.Errorf("the program says %q", got)
	}
}

// A program of glibc does not fit a base of musl, nor one without a C library; the fixes have names.
func TestHeavyBaseOfAnotherLibrary(t *testing.T) {
	need(t, "gcc")
	root := alpine(t)
	base := imported(t, root, "misfit")
	_, err := buildOn(t, ownCopy(t, "resolver"), buildkit.Config{Base: base, Repo: repo + "misfit", Build: config.Build{Cgo: "on"}})
	wantWords(t, err, "is for glibc", "/lib64/ld-linux-x86-64.so.2", base+" has musl at /lib/ld-musl-x86_64.so.1",
		"CC=musl-gcc", `Build.Cgo "off"`, "libc.musl-x86_64.so.1", "gcompat", "own risk")
}

// sqlite is a cgo program that needs a library which bases do not have.
const sqlite = `package main

// #cgo LDFLAGS: -lsqlite3 -lm
// #include <sqlite3.h>
// #include <math.h>
// static const char *version(void) { sqlite3 *db; return sqlite3_open(":memory:", &db) ? "no" : "yes"; }
import "C"

import "fmt"

func main() { fmt.Println("sqlite:", C.GoString(C.version()), float64(C.floor(2.5))) }
`

func sqliteModule(t *testing.T) string {
	t.Helper()
	needPackage(t, "sqlite3")
	return txtar(t, `
-- go.mod --
module example.com/lite

go 1.23
-- main.go --
`+sqlite)
}

// A base with glibc, whose /lib is a folder of its own: the library that it lacks is added where its loader looks, the
// others are the base's.
func TestBaseOfGlibc(t *testing.T) {
	dir := sqliteModule(t)
	base := imported(t, debian(t, hostRelease(t)), "glibc")
	built := mustBuildOn(t, dir, buildkit.Config{Base: base, Repo: repo + "onglibc"})
	var shipped []string
	for _, e := range built.Tree.Entries() {
		if strings.Contains(e.Path, ".so") && e.Mode.IsRegular() {
			shipped = append(shipped, path.Base(e.Path))
		}
	}
	if len(shipped) != 1 || !strings.HasPrefix(shipped[0], "libsqlite3.so") {
		t.Errorf("%q are in our layers, want SQLite alone", shipped)
	}
	if got := inImage(t, nil, load(t, built)); got != "sqlite: yes 2\n" {
		t.Errorf("the program says %q", got)
	}
	var listed []string
	for _, e := range built.Tree.Entries() {
		if strings.Contains(e.Path, "/dpkg/status.d/") || strings.Contains(e.Path, "os-release") || strings.Contains(e.Path, "debian_version") {
			listed = append(listed, path.Base(e.Path))
		}
	}
	if want := []string{"libsqlite3-0", "libsqlite3-0.md5sums"}; !slices.Equal(listed, want) {
		t.Errorf("for scanners there are %q, want %q: the base says which distribution it is", listed, want)
	}
	var found []string
	for _, e := range built.Explain().Entries {
		if strings.Contains(e.Reason, "in the base "+base) {
			found = append(found, path.Base(e.Path)+": "+e.Reason)
		}
	}
	if len(found) < 3 || !strings.Contains(strings.Join(found, "\n"), "libm.so.6: needed by") {
		t.Errorf("the libraries of the base are explained by\n%s", strings.Join(found, "\n"))
	}
	chain, err := built.Chain("/lib/x86_64-linux-gnu/libm.so.6")
	if err != nil || len(chain) < 2 || chain[0].Path != "/lite" || chain[len(chain)-1].Layer != "base" {
		t.Errorf("libm is explained by %+v (%v)", chain, err)
	}
	if x := built.Explain(); x.Base != base || x.BaseSize <= 0 || x.BaseSize >= x.Size {
		t.Errorf("of %d bytes %d are the base %q", x.Size, x.BaseSize, x.Base)
	}
	if n := len(built.Explain().Entries); n > 200 {
		t.Errorf("%d entries are explained: the whole base", n)
	}
}

// hostRelease is the Debian release of this machine: its C library is as new as the one that programs are built with here.
func hostRelease(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		missing(t, "/etc/os-release")
	}
	_, rest, ok := strings.Cut(string(text), "VERSION_CODENAME=")
	if !ok || !strings.Contains(string(text), "\nID=debian") {
		missing(t, "a Debian release")
	}
	name, _, _ := strings.Cut(rest, "\n")
	return name
}

// A base whose glibc is older than the one that the program was built with is told before anything is delivered.
func TestHeavyBaseOfAnOlderGlibc(t *testing.T) {
	dir := sqliteModule(t)
	base := imported(t, debian(t, "bullseye"), "older")
	_, err := buildOn(t, dir, buildkit.Config{Base: base, Repo: repo + "onolder"})
	words := []string{"GLIBC_2.", "goes up to GLIBC_2.30", "fix: build against glibc 2.30 or older", "take a newer base than " + base}
	wantWords(t, err, words...)
	plans, err := buildkit.Resolve(context.Background(), inputsOn(t, dir, buildkit.Config{Base: base, Repo: repo + "onolder"}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = buildkit.DryRun(context.Background(), plans[0])
	wantWords(t, err, words...)
}

// Where the base has the link by which musl stands in for glibc, the user has decided: what musl has works.
func TestBaseWithTheLinkToMusl(t *testing.T) {
	need(t, "gcc")
	root := alpine(t)
	if err := os.MkdirAll(filepath.Join(root, "lib64"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/lib/libc.musl-x86_64.so.1", filepath.Join(root, "lib64/ld-linux-x86-64.so.2")); err != nil {
		t.Fatal(err)
	}
	base := imported(t, root, "link")
	dir := txtar(t, `
-- go.mod --
module example.com/plain

go 1.23
-- main.go --
package main

// #include <unistd.h>
import "C"

func main() { println("uid", C.getuid()) }
`)
	built := mustBuildOn(t, dir, buildkit.Config{Base: base, Repo: repo + "onlink", Build: config.Build{Cgo: "on"}})
	if got := inImage(t, nil, load(t, built)); got != "uid 65534\n" {
		t.Errorf("the program says %q", got)
	}
}

// The base's user is kept unless the Config names one; names of the base are known.
func TestBaseUser(t *testing.T) {
	if os.Getuid() != 0 {
		missing(t, "the right to make files of other users")
	}
	base := imported(t, alpine(t), "user", "USER web")
	dir := asking(t)
	for _, tt := range []struct {
		name string
		c    buildkit.Config
		want string
		args []string
	}{
		{"inherited", buildkit.Config{}, "101 /data /home/web  \n", nil},
		{"named", buildkit.Config{User: "nobody"}, "65534 /data /data  \n", nil},
		{"number of the base", buildkit.Config{User: "101"}, "101 /data /home/web  \n", nil},
		{"new", buildkit.Config{User: "4711"}, "web nobody app\n", []string{"for u in 101 65534 4711; do grep :$u:$u: /etc/passwd | cut -d: -f1; done | xargs echo"}},
		{"declared", buildkit.Config{User: "new", Users: []config.User{{Name: "new", UID: 500}}},
			"new\nnew:x:500:500:new:/home/new:/sbin/nologin\nnew\n", []string{"id -un; tail -n1 /etc/passwd; stat -c %U /data"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.Base, tt.c.Repo = base, repo+"onuser"
			if got := inImage(t, nil, load(t, mustBuildOn(t, dir, tt.c)), tt.args...); got != tt.want {
				t.Errorf("the program says %q, want %q", got, tt.want)
			}
		})
	}
	_, err := buildOn(t, dir, buildkit.Config{Base: base, Users: []config.User{{Name: "web", UID: 500}}})
	wantWords(t, err, `the base has the user "web" as 101`, "fix: ")
}

// An unchanged image on an unchanged base costs no build; a name that means another base now does.
func TestBaseThatMoved(t *testing.T) {
	root := alpine(t)
	base := imported(t, root, "moved")
	dir := asking(t)
	chdir(t, dir) // as mage does: the build makes dist/ there
	c := buildkit.Config{Base: base, Repo: repo + "onmoved"}
	current := func() bool {
		t.Helper()
		opened := open(t, inputsOn(t, dir, c))
		list, all := opened.Unchanged()
		return all && opened.SameBase(context.Background(), list[0])
	}
	build := func() string {
		t.Helper()
		return run(t, inputsOn(t, dir, c))["asks"]
	}
	first := build()
	if !current() {
		t.Error("nothing has changed, and the image does not stand")
	}
	if err := os.RemoveAll(cacheOf(t)); err != nil {
		t.Fatal(err)
	}
	if !current() {
		t.Error("an unchanged image has read its base")
	}
	if err := os.WriteFile(filepath.Join(root, "etc/new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	imported(t, root, "moved")
	if current() {
		t.Error("the name means another base now, and the image stands")
	}
	if second := build(); second == first || !current() {
		t.Errorf("the image on another base is %s, it was %s", second, first)
	}
}

func chdir(t *testing.T, dir string) {
	t.Helper()
	was, err := os.Getwd()
	if err == nil {
		err = os.Chdir(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chdir(was); err != nil {
			t.Error(err)
		}
	})
}

// A plan can be read without the base, which it says; the build fails with the reason.
func TestBaseThatIsNotThere(t *testing.T) {
	dir := asking(t)
	c := buildkit.Config{Base: "archive:none.tar", Origin: "magefile.go:12"}
	plans, err := buildkit.Resolve(context.Background(), inputsOn(t, dir, c))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, v := range plans[0].Values {
		found = found || v.Name == "base" && strings.HasPrefix(v.Value, "archive:none.tar (unresolved: ") && v.Origin == "magefile.go:12"
	}
	if !found {
		t.Errorf("the plan is %v, which does not say that the base is not there", plans[0].Values)
	}
	_, err = buildkit.Build(context.Background(), plans[0], nil)
	wantWords(t, err, "none.tar", "magefile.go:12", "fix: ")
	var mistake *buildkit.ConfigError
	if !errors.As(err, &mistake) {
		t.Errorf("the error %v is none of the Config", err)
	}
	// Of several platforms the one is named that has none.
	c.Platforms = []string{"linux/amd64", "linux/arm64"}
	plans, err = buildkit.Resolve(context.Background(), inputsOn(t, dir, c))
	if err != nil {
		t.Fatal(err)
	}
	err = buildkit.BuildGroups(context.Background(), plans, nil, func(context.Context, []*buildkit.Result) error { return nil })
	wantWords(t, err, "asks linux/amd64", "none.tar", "fix: ")
	if !errors.As(err, &mistake) {
		t.Errorf("the error %v is none of the Config", err)
	}
}

// The same layers are written into an archive, which is whole: another engine knows nothing of the base.
func TestBaseInAnArchive(t *testing.T) {
	need(t, "skopeo")
	base := imported(t, alpine(t), "archived", "ENV FROM=base")
	dir := asking(t)
	output(t, dir, "skopeo", "copy", "-q", "docker-daemon:"+base, "oci:base:1")
	output(t, "", "docker", "image", "rm", base)
	built := mustBuildOn(t, dir, buildkit.Config{Base: "oci:base:1", Repo: repo + "on-archived"})
	_, err := built.Dockerfile(context.Background(), "")
	wantWords(t, err, "Base of the Config", "oci:base:1", "\nfix: ")
	archive := writeArchive(t, built)
	t.Cleanup(func() { exec.Command("docker", "image", "rm", "-f", built.Plan.Reference).Run() })
	output(t, "", "docker", "load", "-q", "-i", archive)
	if got := inImage(t, nil, built.Plan.Reference); got != "65534 /data /data base \n" {
		t.Errorf("the program says %q", got)
	}
	for _, l := range built.Image.Layers {
		if has := l.Blob != nil; has != (l.Comment == "base image") {
			t.Errorf("the layer %q has a compressed blob: %v", l.Comment, has)
		}
	}
	for name, text := range documents(t, built) {
		if strings.Contains(string(text), dir) {
			t.Errorf("%s has the folder of the module in it:\n%s", name, text)
		}
	}
}

// What the libraries have brought is known at the next build, of which the base is a part.
func TestBaseIsRemembered(t *testing.T) {
	dir := sqliteModule(t)
	base := imported(t, debian(t, hostRelease(t)), "remembered")
	c := buildkit.Config{Base: base, Repo: repo + "onremembered"}
	first := mustBuildOn(t, dir, c)
	files := len(first.Tree.Entries())
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(strings.Replace(sqlite, "sqlite:", "lite:", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	var told []string
	plans, err := buildkit.Resolve(context.Background(), inputsOn(t, dir, c))
	if err != nil {
		t.Fatal(err)
	}
	second, err := buildkit.Build(context.Background(), plans[0], func(e buildkit.Event) { told = append(told, e.Text) })
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if all := strings.Join(told, "\n"); !strings.Contains(all, "as before") || len(second.Tree.Entries()) != files {
		t.Errorf("the libraries were computed again, or %d files are %d:\n%s", files, len(second.Tree.Entries()), all)
	}
	if got := inImage(t, nil, load(t, second)); got != "lite: yes 2\n" {
		t.Errorf("the program says %q", got)
	}
}

// A library that only the sysroot's index leads to is found in the image too, where the base has an index that does not know
// it.
func TestBaseWithAnIndexOfItsOwn(t *testing.T) {
	need(t, "gcc", "ldconfig")
	root, sys, source := t.TempDir(), t.TempDir(), t.TempDir()
	for _, dir := range []string{root, sys} {
		output(t, "", "cp", "-a", debian(t, hostRelease(t))+"/.", dir)
		if err := os.WriteFile(filepath.Join(dir, "etc/ld.so.conf"), []byte("/usr/local/lib\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(source, "ours.c"), []byte("int answer(void) { return 42; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(sys, "usr/local/lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(sys, "usr/local/lib/libours.so")
	output(t, source, "gcc", "-shared", "-fPIC", "-o", lib, "ours.c")
	for _, dir := range []string{root, sys} {
		output(t, "", "ldconfig", "-r", dir)
	}
	dir := txtar(t, `
-- go.mod --
module example.com/index

go 1.23
-- main.go --
package main

// #cgo LDFLAGS: -lours
// int answer(void);
import "C"

func main() { println(C.answer()) }
`)
	built := mustBuildOn(t, dir, buildkit.Config{
		Base: imported(t, root, "index"), Repo: repo + "onindex", Sysroot: sys, Build: config.Build{Env: map[string]string{"CGO_LDFLAGS": "-L" + filepath.Dir(lib)}},
	})
	if got := inImage(t, nil, load(t, built)); got != "42\n" {
		t.Errorf("the program says %q", got)
	}
}

// What libraries open while they run is the base's too, where it has it, and else the sysroot's with all that belongs to it.
func TestBaseHasPlugins(t *testing.T) {
	needPackage(t, "vips")
	base := imported(t, debian(t, hostRelease(t)), "plugins")
	built := mustBuildOn(t, ownCopy(t, "govips"), buildkit.Config{
		Base: base, Repo: repo + "onplugins", Files: []config.File{{From: picture(t), To: "/srv/picture.png"}},
	})
	scratch := mustBuild(t, ownCopy(t, "govips"), buildkit.Config{Repo: repo + "onnothing"})
	modules := func(b *buildkit.Result) (n int, gconv bool) {
		for _, e := range b.Tree.Entries() {
			if strings.Contains(e.Path, "/vips-modules-") && strings.HasSuffix(e.Path, ".so") {
				n++
			}
			gconv = gconv || strings.Contains(e.Path, "/gconv/")
		}
		return n, gconv
	}
	n, gconv := modules(built)
	if want, _ := modules(scratch); n != want || n == 0 {
		t.Errorf("%d modules of vips are there, from scratch %d", n, want)
	}
	if gconv {
		t.Error("the base's gconv is in our layers too")
	}
	if got := inImage(t, nil, load(t, built), "/srv/picture.png"); got != "32x16 png\n" {
		t.Errorf("the program says %q", got)
	}
}
