package check

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// file returns a file of the user's layer.
func file(path, content string) rootfs.Entry {
	return rootfs.Entry{Path: path, Mode: 0o644, Layer: rootfs.Files, Reason: "configured at magefile.go:7", Source: rootfs.Bytes([]byte(content))}
}

// fromHost returns a file of the user's layer that is read from this machine.
func fromHost(t *testing.T, path, content string) rootfs.Entry {
	t.Helper()
	host := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(host, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	e := file(path, "")
	e.Source = rootfs.HostFile(host)
	return e
}

// compare compares an image with another one.
func compare(t *testing.T, r, other image.Config, ours, theirs []rootfs.Entry) Verdict {
	t.Helper()
	img := imageOf(t, other, theirs)
	v, err := Reproducible(context.Background(), resultOf(t, r, ours...), Other{
		Config: img.RawConfig, Layers: img.Layers, Temp: t.TempDir(),
		Places: []Place{{"the checkout", "/tmp/elsewhere/app"}, {"nothing", ""}, {"HOME", "/tmp/elsewhere/home"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return find(t, []Verdict{v}, "reproducible")
}

// What differs is named, with the place and the likely cause.
func TestReproducible(t *testing.T) {
	t.Parallel()
	dir := rootfs.Entry{Path: "/a", Mode: os.ModeDir | 0o755, Layer: rootfs.Files}
	linkTo := func(target string) rootfs.Entry {
		return rootfs.Entry{Path: "/l", Mode: os.ModeSymlink, Layer: rootfs.Files, Link: target, Reason: "why"}
	}
	secret := file("/f", "x")
	secret.Mode = 0o600
	owned := file("/f", "x")
	owned.UID = 7
	long := strings.Repeat("x", 300_000)
	type list = []rootfs.Entry
	for name, row := range map[string]struct {
		ours, theirs list
		details      []string
	}{
		"nothing":          {list{dir, file("/a/f", "x")}, list{dir, file("/a/f", "x")}, nil},
		"only here":        {list{file("/f", "x"), file("/g", "y")}, list{file("/g", "y")}, []string{"/f, layer files: only the first build has it (configured at magefile.go:7)"}},
		"only there":       {list{file("/g", "y")}, list{file("/f", "x"), file("/g", "y")}, []string{"/f, layer files: only the second build has it"}},
		"a layer more":     {list{file("/g", "y")}, list{file("/g", "y"), {Path: "/p", Mode: 0o755, Layer: rootfs.Program, Source: rootfs.Bytes(nil)}}, []string{"/p, layer program: only the second build has it", "the image's configuration: history is "}},
		"mode":             {list{file("/f", "x")}, list{secret}, []string{"/f, layer files: the mode is 0644, and 0600 in the second build (configured at magefile.go:7)"}},
		"owner":            {list{file("/f", "x")}, list{owned}, []string{"/f, layer files: the owner is 0:0, and 7:0 in the second build"}},
		"link":             {list{linkTo("a")}, list{linkTo("b")}, []string{`/l, layer files: a link to "a", and to "b" in the second build (why)`}},
		"kind":             {list{file("/a", "x")}, list{dir}, []string{"/a, layer files: a file, a folder or a link, and another of these"}},
		"bytes":            {list{file("/f", "abcdef")}, list{file("/f", "abXdef")}, []string{`/f, layer files: differs at byte 2: "cdef" and "Xdef"; likely cause: `}},
		"bytes, not text":  {list{file("/f", "ab\x00\xff")}, list{file("/f", "ab\x01\xfe")}, []string{`/f, layer files: differs at byte 2: 00ff and 01fe`}},
		"far":              {list{file("/f", long+"a")}, list{file("/f", long+"b")}, []string{`/f, layer files: differs at byte 300000: "a" and "b"`}},
		"longer":           {list{file("/f", long)}, list{file("/f", long+"more")}, []string{`/f, layer files: differs at byte 300000: nothing and "more"`}},
		"empty":            {list{file("/f", "")}, list{file("/f", "x")}, []string{`/f, layer files: differs at byte 0: nothing and "x"`}},
		"changed file":     {list{fromHost(t, "/f", "one")}, list{file("/f", "two")}, []string{`/f, layer files: differs at byte 0: "one" and "two"; likely cause: `}},
		"date":             {list{file("/f", "built 2026-01-02T03:04:05Z")}, list{file("/f", "built 2026-01-02T03:04:07Z")}, []string{`; likely cause: a time, "2026-01-02T03:04:05" and "2026-01-02T03:04:07"`}},
		"another date":     {list{file("/f", "1999-01-01 built 2026-01-02 by")}, list{file("/f", "1999-01-01 built 2026-01-03 by")}, []string{`; likely cause: a time, "2026-01-02" and "2026-01-03"`}},
		"seconds":          {list{file("/f", "x1767366245y")}, list{file("/f", "x1767366299y")}, []string{`; likely cause: a time, "1767366245" and "1767366299"`}},
		"a date, not it":   {list{file("/f", "2026-01-02 a")}, list{file("/f", "2026-01-02 b")}, []string{`differs at byte 11: "a" and "b"`}},
		"gzip":             {list{file("/f", "\x1f\x8b\x08\x00\x01\x02\x03\x04rest")}, list{file("/f", "\x1f\x8b\x08\x00\x09\x02\x03\x04rest")}, []string{"; likely cause: the time in the header of gzip"}},
		"place":            {list{file("/f", "in /src/app, or so")}, list{file("/f", long+"in /tmp/elsewhere/app, or so")}, []string{"; likely cause: it has the path of the checkout in it"}},
		"home":             {list{file("/f", "in /root")}, list{file("/f", "in /tmp/elsewhere/home")}, []string{"; likely cause: it has the path of HOME in it"}},
		"place at a seam":  {list{file("/f", "x")}, list{file("/f", strings.Repeat("y", 256<<10-5)+"/tmp/elsewhere/home")}, []string{"; likely cause: it has the path of HOME in it"}},
		"half of an ELF":   {list{file("/f", "\x7fELF\x02\x01\x01")}, list{file("/f", "\x7fELF\x02\x01\x02")}, []string{"/f, layer files: differs at byte 6: 01 and 02"}},
		"twelve of twelve": {many("a"), many("b"), append(strings.Split(strings.Repeat("differs at byte 0|", 9), "|")[:9], "differs", "and 2 more")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := compare(t, image.Config{}, image.Config{}, row.ours, row.theirs)
			good := len(v.Details) == len(row.details)
			for i := range min(len(row.details), len(v.Details)) {
				good = good && strings.Contains(v.Details[i], row.details[i])
			}
			if v.OK != (len(row.details) == 0) || !good {
				t.Errorf("the details are\n%s\nwant\n%s", strings.Join(v.Details, "\n"), strings.Join(row.details, "\n"))
			}
		})
	}
}

// many returns twelve files.
func many(content string) (list []rootfs.Entry) {
	for _, c := range "abcdefghijkl" {
		list = append(list, file("/"+string(c), content))
	}
	return list
}

// The configuration is compared too. Values of variables are not shown.
func TestReproducibleConfig(t *testing.T) {
	t.Parallel()
	files := []rootfs.Entry{file("/f", "x")}
	v := compare(t, image.Config{Labels: map[string]string{"a": "1", "when": "2026-01-02"}, Env: []string{"TOKEN=secret1"}},
		image.Config{Labels: map[string]string{"a": "1", "b": "2", "when": "2026-01-03"}, Env: []string{"TOKEN=secret2"}, User: "7"}, files, files)
	text := strings.Join(v.Details, "\n")
	for _, want := range []string{
		`config.Env has another value`, `config.Labels.b is "<nil>" and "2"`, `config.Labels.when is "2026-01-02" and "2026-01-03"; likely cause: a time`, `config.User is "<nil>" and "7"`,
	} {
		if !strings.Contains(text, "the image's configuration: "+want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if v.OK || len(v.Details) != 4 || strings.Contains(text, "secret") {
		t.Errorf("the details are\n%s", text)
	}
}

// The path of a value that is not there is "nothing", and other images of the base are said as such.
func TestReproducibleOnBase(t *testing.T) {
	t.Parallel()
	r := resultOf(t, image.Config{}, file("/f", "x"))
	r.Plan.BaseName = "base:1"
	r.Plan.Base = &base.Base{Image: &image.Base{Layers: r.Image.Layers[:1]}}
	for _, other := range []*image.Image{
		imageOf(t, image.Config{}, []rootfs.Entry{{Path: "/s", Mode: 0o644, Source: rootfs.Bytes(nil)}, file("/f", "x")}), {RawConfig: []byte("{}")},
	} {
		v, err := Reproducible(context.Background(), r, Other{Config: other.RawConfig, Layers: other.Layers, Temp: t.TempDir()})
		if err != nil || v.OK || len(v.Details) != 1 || !strings.Contains(v.Details[0], "the base base:1 was another image in the second build") {
			t.Errorf("%+v (%v)", v, err)
		}
	}
}

// A build that fails elsewhere breaks the rule, and what it has said is shown.
func TestReproducibleFailed(t *testing.T) {
	t.Parallel()
	v, err := Reproducible(context.Background(), resultOf(t, image.Config{}), Other{Why: "exit status 1", Said: []string{"main.go:3: no"}})
	if err != nil || v.OK || !strings.Contains(v.What, "exit status 1") || len(v.Details) != 1 || v.Fix == "" {
		t.Errorf("%+v (%v)", v, err)
	}
}

// An image that cannot be read is an error, and so is the end of the context.
func TestReproducibleUnreadable(t *testing.T) {
	t.Parallel()
	r := resultOf(t, image.Config{}, file("/f", "x"))
	gone := image.StoredLayer(image.Stored{Path: filepath.Join(t.TempDir(), "gone"), DiffID: r.Image.Layers[0].DiffID[:70] + "0", Size: 7})
	if _, err := Reproducible(context.Background(), r, Other{Config: []byte("{}"), Layers: []*image.Layer{gone}, Temp: t.TempDir()}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
	if _, err := Reproducible(context.Background(), r, Other{Config: []byte("no JSON"), Layers: r.Image.Layers, Temp: t.TempDir()}); err == nil {
		t.Error("no error")
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	other := imageOf(t, image.Config{}, []rootfs.Entry{file("/f", "y")})
	if _, err := Reproducible(ctx, r, Other{Config: other.RawConfig, Layers: other.Layers, Temp: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// Of Go programs, the settings of the build and the sections of the file are known. A build ID is never the first difference.
func TestPrograms(t *testing.T) {
	t.Parallel()
	dir := testkit.Module(t, map[string]string{
		"go.mod": "module example.com/app\n\ngo 1.23\n", "main.go": "package main\n\nvar built string\n\nfunc main() { println(built) }\n",
	})
	compile := func(name string, flags ...string) rootfs.Entry {
		t.Helper()
		path := filepath.Join(dir, name)
		cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-o", path}, flags...), ".")...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return rootfs.Entry{Path: "/app", Mode: 0o755, Layer: rootfs.Program, Source: rootfs.HostFile(path)}
	}
	plain := compile("plain", "-ldflags=-s -w -buildid=one -X main.built=aaaaaaaa")
	for name, row := range map[string]struct {
		other rootfs.Entry
		want  []string
	}{
		"build ID": {compile("id", "-ldflags=-s -w -buildid=two -X main.built=aaaaaaaa"), []string{"(in .note.go.buildid)", "likely cause: only the build ID differs"}},
		"value":    {compile("value", "-ldflags=-s -w -buildid=two -X main.built=bbbbbbbb"), []string{`(in .rodata): "aaaaaaaa" and "bbbbbbbb"`}},
		"tags":     {compile("tags", "-tags=more", "-ldflags=-s -w -buildid=one -X main.built=aaaaaaaa"), []string{`likely cause: the -tags of the build is "" and "more"`}},
	} {
		v := compare(t, image.Config{}, image.Config{}, []rootfs.Entry{plain}, []rootfs.Entry{row.other})
		for _, want := range row.want {
			if len(v.Details) != 1 || !strings.Contains(v.Details[0], want) {
				t.Errorf("%s: the details are %q, want %q", name, v.Details, want)
			}
		}
	}
}
