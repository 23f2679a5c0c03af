package libraries_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// files is what the image has besides the program and its libraries.
var files = rootfs.Spec{Certificates: rootfs.Certificates{OnlyExtra: true}}

// program compiles a C program that needs libm, and returns the query for it.
func program(t *testing.T) libraries.Query {
	t.Helper()
	testkit.Need(t, "gcc")
	dir := t.TempDir()
	source, path := filepath.Join(dir, "main.c"), filepath.Join(dir, "prog")
	if err := os.WriteFile(source, []byte("#include <math.h>\nint main(int n, char **v) { return cos(n) > 2; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-o", path, source, "-lm").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p, err := compile.Read(gobuild.Binary{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	base, err := rootfs.Assemble(context.Background(), files)
	if err != nil {
		t.Fatal(err)
	}
	return libraries.Query{Plan: plan.Image{Name: "prog", Root: dir, Origin: "a test", Files: rootfs.Spec{Program: "/prog"}}, Program: p, Base: base}
}

// tree assembles the image of the program, with its libraries or without.
func tree(t *testing.T, q libraries.Query, f *libraries.Found) *rootfs.Tree {
	t.Helper()
	spec := files
	spec.Program, spec.Binary = "/prog", q.Program.Path
	if f != nil {
		f.Fill(&spec)
	}
	tree, err := rootfs.Assemble(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// A program starts in a tree with the libraries that were found for it, and does not without them.
func TestFindAndProve(t *testing.T) {
	t.Parallel()
	q := program(t)
	f, err := libraries.Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(f.Objects, func(o libraries.Object) bool { return o.Name == name && o.NeededBy == 0 })
	}
	if f.Loader == "" || !has("libm.so.6") || !has("libc.so.6") || f.Objects[0].Path != "/prog" {
		t.Errorf("loader %q, %+v", f.Loader, f.Objects)
	}
	if _, _, err := f.Prove(context.Background(), tree(t, q, f)); err != nil {
		t.Error(err)
	}
	if _, _, err := f.Prove(context.Background(), tree(t, q, nil)); err == nil || !strings.Contains(err.Error(), "verifying that /prog starts") {
		t.Errorf("without its libraries: %v", err)
	}
}

// A program with capabilities starts in secure mode, where its loader ignores LD_LIBRARY_PATH; root's does not.
func TestFindForCapabilities(t *testing.T) {
	t.Parallel()
	q := program(t)
	q.Plan.Config.Env = []string{"LD_LIBRARY_PATH=" + t.TempDir()}
	fake := filepath.Join(q.Plan.Config.Env[0][len("LD_LIBRARY_PATH="):], "libm.so.6")
	if err := os.WriteFile(fake, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		capabilities rootfs.Capabilities
		user         rootfs.User
		finds        bool
	}{{0, rootfs.User{}, false}, {1 << 10, rootfs.User{}, true}, {1 << 10, rootfs.User{Name: "root"}, false}} {
		q.Plan.Files.Capabilities, q.Plan.Files.User = row.capabilities, row.user
		f, err := libraries.Find(context.Background(), q)
		if (err == nil) != row.finds || err != nil && !strings.Contains(err.Error(), fake) {
			t.Errorf("%+v: %v", row, err)
		}
		if err != nil {
			continue
		}
		if !slices.ContainsFunc(f.Notes, func(n string) bool { return strings.HasPrefix(n, "warning: the loader ignores LD_LIBRARY_PATH") }) {
			t.Errorf("the notes are %q", f.Notes)
		}
		if _, _, err := f.Prove(context.Background(), tree(t, q, f)); err != nil {
			t.Error(err)
		}
	}
}

// What was kept and recalled is the same set, and makes the same tree.
func TestRecalled(t *testing.T) {
	t.Parallel()
	q := program(t)
	q.Plan.Run.Key, q.Plan.Run.Began = "key", time.Now().Add(time.Hour)
	first, err := libraries.Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(string(q.Plan.Dist()), 0o755); err != nil {
		t.Fatal(err)
	}
	made := tree(t, q, first)
	if err := first.Keep(made, first.Notes, nil); err != nil {
		t.Fatal(err)
	}
	if q.Earlier = libraries.ReadKept(q.Plan.Dist()); q.Earlier == nil {
		t.Fatal("nothing is remembered")
	}
	again, err := libraries.Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if !again.Recalled() || !reflect.DeepEqual(first.Set, again.Set) {
		t.Errorf("recalled %v\n%+v\n%+v", again.Recalled(), first.Set, again.Set)
	}
	paths := func(tree *rootfs.Tree) (list []string) {
		for _, e := range tree.Entries() {
			list = append(list, e.Path+" "+e.Mode.String()+" "+e.Link+" "+e.Reason)
		}
		return list
	}
	if got, want := paths(tree(t, q, again)), paths(made); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
