package check

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

var amd64 = platform.Platform{OS: "linux", Architecture: "amd64"}

// imageOf returns an image with the entries, one layer for each kind.
func imageOf(t testing.TB, c image.Config, entries []rootfs.Entry) *image.Image {
	t.Helper()
	var tree rootfs.Tree
	for _, e := range entries {
		if err := tree.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	c.Platform = amd64
	var layers []*image.Layer
	for _, kind := range []rootfs.Layer{rootfs.System, rootfs.Files, rootfs.Program} {
		var files []image.File
		for _, e := range tree.Entries() {
			if e.Layer == kind {
				f := image.File{Header: *e.Header()}
				if e.Mode.IsRegular() {
					f.Open = e.Source.Open
				}
				files = append(files, f)
			}
		}
		if len(files) == 0 && len(layers) > 0 {
			continue
		}
		l, err := image.NewLayer(context.Background(), files, image.LayerOptions{CreatedBy: kind.String() + ": of a test"})
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, l)
	}
	img, err := image.New(c, layers)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// resultOf returns a result with the entries.
func resultOf(t testing.TB, c image.Config, entries ...rootfs.Entry) result.Result {
	t.Helper()
	var tree rootfs.Tree
	for _, e := range entries {
		if err := tree.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return result.Result{
		Plan: plan.Image{Name: "app", Reference: "app:1", Origin: "magefile.go:7", Platform: amd64, Root: "/src"},
		Tree: &tree, Image: imageOf(t, c, entries),
	}
}

// find returns the verdict about a rule.
func find(t testing.TB, all []Verdict, rule string) Verdict {
	t.Helper()
	i := slices.IndexFunc(all, func(v Verdict) bool { return v.Rule == rule })
	if i < 0 {
		t.Fatalf("there is no verdict about %q: %+v", rule, all)
	}
	v := all[i]
	if v.Details == nil || v.OK != (v.Fix == "") || v.What == "" {
		t.Errorf("the verdict is not complete: %+v", v)
	}
	return v
}

func TestStarts(t *testing.T) {
	t.Parallel()
	r := resultOf(t, image.Config{})
	all, _ := Rules(r)
	if v := find(t, all, "starts"); !v.OK || !strings.HasPrefix(v.What, "a static program for linux/amd64") {
		t.Errorf("%+v", v)
	}
	r.Libraries = libraries.Set{Loader: "/lib64/ld-linux-x86-64.so.2"}
	all, _ = Rules(r)
	if v := find(t, all, "starts"); !v.OK || !strings.HasPrefix(v.What, "/lib64/ld-linux-x86-64.so.2 and all libraries") {
		t.Errorf("%+v", v)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	r := resultOf(t, image.Config{}, rootfs.Entry{Path: "/big", Mode: 0o644, Source: rootfs.Bytes(make([]byte, 100_000))})
	size := r.Image.Layers[0].Size
	for most, ok := range map[int64]bool{0: true, size: true, size - 1: false, 1: false, 1 << 60: true} {
		r.Plan.Rules.MaxSize = most
		all, _ := Rules(r)
		if v := find(t, all, "size"); v.OK != ok {
			t.Errorf("%d bytes of at most %d: %+v", size, most, v)
		}
	}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		limit       plan.Growth
		now, before int64
		reference   string
		ok          bool
		what        string
	}{
		{plan.Growth{Text: "10%", Percent: 10}, 1100, 1000, "r/a:1", true, "1.1 kB compressed, r/a:1 has 1.0 kB (+10.0%)"},
		{plan.Growth{Text: "10%", Percent: 10}, 1101, 1000, "r/a:1", false, "and at most 10% more are allowed"},
		{plan.Growth{Text: "0%"}, 1000, 1000, "r/a:1", true, "(+0.0%)"},
		{plan.Growth{Text: "0%"}, 900, 1000, "r/a:1", true, "(-10.0%)"},
		{plan.Growth{Text: "1kB", Bytes: 1000}, 2001, 1000, "r/a:1", false, "and at most 1kB more are allowed"},
		{plan.Growth{Text: "10%", Percent: 10}, 1, 0, "r/a:1", false, "r/a:1 has 0 B"},
		{plan.Growth{Text: "0%"}, 1 << 40, 0, "", true, "nothing is pushed yet"},
	} {
		v := find(t, []Verdict{Growth(plan.Image{Rules: plan.Rules{MaxGrowth: row.limit}}, row.now, row.before, row.reference)}, "growth")
		if v.OK != row.ok || !strings.Contains(v.What, row.what) {
			t.Errorf("%+v is %+v", row, v)
		}
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	for user, ok := range map[string]bool{
		"65534:65534": true, "1000": true, "1:0": true, "4294967295": true,
		"": false, "0": false, "0:0": false, "0:1000": false, "00": false, "root": false, "root:app": false, "app": false,
	} {
		r := resultOf(t, image.Config{User: user})
		all, _ := Rules(r)
		if v := find(t, all, "user"); v.OK != ok {
			t.Errorf("user %q: %+v", user, v)
		}
		r.Plan.Rules.Root = true
		all, _ = Rules(r)
		if v := find(t, all, "user"); !v.OK {
			t.Errorf("root is allowed, user %q: %+v", user, v)
		}
	}
}

// Files and folders of the tree are found by their modes, each with the reason why it is there.
func TestModes(t *testing.T) {
	t.Parallel()
	file := func(path string, mode os.FileMode) rootfs.Entry {
		return rootfs.Entry{Path: path, Mode: mode, Reason: "why", Source: rootfs.Bytes([]byte("x"))}
	}
	r := resultOf(t, image.Config{},
		file("/a/setuid", 0o755|os.ModeSetuid), file("/a/setgid", 0o755|os.ModeSetgid), file("/a/both", 0o4777), file("/a/write-only", 0o002),
		file("/a/sticky-file", 0o666|os.ModeSticky), file("/a/group", 0o664), file("/a/fine", 0o755), file("/b\n\x1b[31m", 0o666),
		rootfs.Entry{Path: "/tmp", Mode: os.ModeDir | os.ModeSticky | 0o777}, rootfs.Entry{Path: "/open", Mode: os.ModeDir | 0o777},
		rootfs.Entry{Path: "/shared", Mode: os.ModeDir | os.ModeSetgid | 0o775}, rootfs.Entry{Path: "/link", Mode: os.ModeSymlink, Link: "a/fine"},
	)
	all, _ := Rules(r)
	wants(t, find(t, all, "setuid"), "/a/both (file 4777 0:0): why", "/a/setgid (file 2755 0:0): why", "/a/setuid (file 4755 0:0): why")
	wants(t, find(t, all, "writable"), "/a/both (file 4777 0:0): why", "/a/sticky-file (file 1666 0:0): why", "/a/write-only (file 0002 0:0): why",
		"/b\n\x1b[31m (file 0666 0:0): why", "/open (folder 0777 0:0): ")

	r.Plan.Rules.Allow = []string{"/a", "/b*", "/open", "/none", "/link"}
	all, notes := Rules(r)
	wants(t, find(t, all, "setuid"))
	wants(t, find(t, all, "writable"))
	if len(notes) != 2 || !strings.Contains(notes[0], `"/none"`) || !strings.Contains(notes[1], `"/link"`) || !strings.Contains(notes[0], "\nfix: ") {
		t.Errorf("the notes are %q", notes)
	}
	r.Plan.Rules.Allow = []string{"/"}
	if all, notes = Rules(r); !find(t, all, "setuid").OK || !find(t, all, "writable").OK || len(notes) > 0 {
		t.Errorf("everything is allowed: %+v %q", all, notes)
	}
}

// Files of the base count, unless the image has its own there. What cannot be looked at breaks the rules.
func TestModesOfBase(t *testing.T) {
	t.Parallel()
	b := baseOf(t, []tar.Header{
		{Name: "usr/bin/su", Mode: 0o4755, Gid: 5}, {Name: "usr/bin/ls", Mode: 0o755}, {Name: "srv/log", Mode: 0o666},
		{Name: "srv/own", Mode: 0o4666}, {Name: "bad\xff/x", Mode: 0o4755}, {Name: "var", Typeflag: tar.TypeDir, Mode: 0o777},
		{Name: "tmp", Typeflag: tar.TypeDir, Mode: 0o1777}, {Name: "fine\xff/x", Mode: 0o755}, {Name: "tmp\xff", Mode: 0o1777},
		{Name: "usr/bin/hard", Typeflag: tar.TypeLink, Linkname: "usr/bin/su"}, {Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o666},
	})
	tree, err := rootfs.Assemble(context.Background(), rootfs.Spec{
		Base: b.FS, BaseName: "base:1", Certificates: rootfs.Certificates{OnlyExtra: true},
		Further: []rootfs.Entry{{Path: "/srv/own", Mode: 0o644, Layer: rootfs.Files, Source: rootfs.Bytes([]byte("own"))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := resultOf(t, image.Config{})
	r.Tree, r.Plan.Base, r.Plan.BaseName = tree, b, "base:1"
	all, _ := Rules(r)
	const bad = `"bad\xff/x": in the base base:1, with a name that is not UTF-8`
	wants(t, find(t, all, "setuid"), bad, "/usr/bin/hard (file 4755 0:5): in the base base:1", "/usr/bin/su (file 4755 0:5): in the base base:1")
	wants(t, find(t, all, "writable"), bad, "/srv/log (file 0666 0:0): in the base base:1", "/var (folder 0777 0:0): in the base base:1")
	r.Plan.Rules.Allow = []string{"/usr/bin/su", "/srv/log"}
	all, _ = Rules(r)
	wants(t, find(t, all, "writable"), bad, "/var")
}

// baseOf returns a base with one layer of entries.
func baseOf(t *testing.T, entries []tar.Header) *base.Base {
	t.Helper()
	archive := func(files map[string][]byte, headers []tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for name, content := range files {
			headers = append(headers, tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644})
		}
		for _, h := range headers {
			h.Format = tar.FormatGNU
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(files[h.Name]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	layer := archive(nil, entries)
	config := fmt.Sprintf(`{"os":"linux","architecture":"amd64","config":{},"rootfs":{"type":"layers","diff_ids":[%q]}}`, digest.FromBytes(layer))
	path := filepath.Join(t.TempDir(), "base.tar")
	text := archive(map[string][]byte{
		"layer.tar": layer, "config.json": []byte(config), "manifest.json": []byte(`[{"Config":"config.json","RepoTags":["base:1"],"Layers":["layer.tar"]}]`),
	}, nil)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := base.Finder{Cache: t.TempDir()}.Find(context.Background(), base.Request{Reference: "archive:" + path, Platform: amd64})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wants fails unless a verdict has the details, or begins with them.
func wants(t *testing.T, v Verdict, details ...string) {
	t.Helper()
	good := len(v.Details) == len(details) && v.OK == (len(details) == 0)
	for i := range min(len(details), len(v.Details)) {
		good = good && strings.HasPrefix(v.Details[i], details[i])
	}
	if !good {
		t.Errorf("%s: the details are\n%q\nwant\n%q", v.Rule, v.Details, details)
	}
}

// Ten details are named, and how many more there are.
func TestManyDetails(t *testing.T) {
	t.Parallel()
	for n, last := range map[int]string{1: "x", 10: "x", 11: "and 1 more", 5000: "and 4990 more"} {
		v := verdict("writable", "", slices.Repeat([]string{"x"}, n), "many", "fix")
		if len(v.Details) != min(n, maxDetails+1) || v.Details[len(v.Details)-1] != last || v.OK {
			t.Errorf("of %d: %+v", n, v)
		}
	}
}
