package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

func TestLayerHoldsWhatItWasGiven(t *testing.T) {
	t.Parallel()
	created := time.Date(2001, 2, 3, 4, 5, 6, 789, time.FixedZone("", 3600))
	capability := map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"}
	files := []image.File{
		{Header: tar.Header{Name: "/data/", Mode: 0o750, Uid: 65534, Gid: 65534, Size: 4096}},
		{Header: tar.Header{Name: "/lib", Typeflag: tar.TypeSymlink, Linkname: "usr/lib", Mode: 0o644}},
		{Header: tar.Header{Name: "/ping", Mode: 0o4755, PAXRecords: capability}},
		{Header: tar.Header{Name: "/tmp", Typeflag: tar.TypeDir, Mode: 0o1777}},
		text("usr/lib/a", "hello"),
	}
	l, err := image.NewLayer(context.Background(), files, image.LayerOptions{Created: created, CreatedBy: "test"})
	if err != nil {
		t.Fatal(err)
	}
	raw := written(t, l)
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(raw)); got != string(l.DiffID) || int64(len(raw)) != l.Size {
		t.Errorf("wrote %s, %d bytes; the layer says %s, %d", got, len(raw), l.DiffID, l.Size)
	}
	var got strings.Builder
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, _ := io.ReadAll(r)
		fmt.Fprintf(&got, "%c %s %o %d:%d %q %q %s\n", h.Typeflag, h.Name, h.Mode, h.Uid, h.Gid, h.Linkname, content, h.ModTime.UTC().Format(time.RFC3339Nano))
	}
	want := `5 data/ 750 65534:65534 "" "" 2001-02-03T03:05:06Z
2 lib 777 0:0 "usr/lib" "" 2001-02-03T03:05:06Z
0 ping 4755 0:0 "" "" 2001-02-03T03:05:06Z
5 tmp/ 1777 0:0 "" "" 2001-02-03T03:05:06Z
0 usr/lib/a 644 0:0 "" "hello" 2001-02-03T03:05:06Z
`
	if got.String() != want {
		t.Errorf("the layer has\n%swant\n%s", got.String(), want)
	}
	if !bytes.Contains(raw, []byte("SCHILY.xattr.security.capability=\x01\x00\x00\x02\n")) {
		t.Error("the capability of ping is not in the layer")
	}
}

func TestNewLayerRefuses(t *testing.T) {
	t.Parallel()
	link := image.File{Header: tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "elsewhere"}}
	header := func(h tar.Header) []image.File { return []image.File{{Header: h}} }
	for _, tt := range []struct {
		name  string
		files []image.File
		want  []string
	}{
		{"unsorted", []image.File{text("b", ""), text("a", "")}, []string{`adding "a"`, `after "b"`, "sorted"}},
		{"sorted by element instead of bytes", []image.File{dir("etc"), text("etc/passwd", ""), dir("etc-more")}, []string{`"etc-more"`, "sorted"}},
		{"same name twice", []image.File{text("a", ""), text("a", "")}, []string{`adding "a"`, "already"}},
		{"same name as file and folder", []image.File{text("a", ""), dir("a/")}, []string{`adding "a"`, "already"}},
		{"file below a file", []image.File{text("a", ""), text("a/b", "")}, []string{`adding "a/b"`, `"a" is not a folder`}},
		{"file below a link", []image.File{link, text("link/x/y", "")}, []string{`adding "link/x/y"`, `"link" is not a folder`}},
		{"root", []image.File{dir("/")}, []string{`adding "/"`, "root"}},
		{"dot", []image.File{dir("./")}, []string{`adding "./"`, "root"}},
		{"dot and slash", []image.File{text("./a", "")}, []string{`adding "./a"`, "clean"}},
		{"dots", []image.File{text("../a", "")}, []string{`adding "../a"`, "clean"}},
		{"two slashes", []image.File{text("a//b", "")}, []string{"clean"}},
		{"not UTF-8", []image.File{text("a\xff", "")}, []string{"UTF-8"}},
		{"NUL", []image.File{text("a\x00b", "")}, []string{"clean"}},
		{"whiteout", []image.File{text("srv/.wh.passwd", "")}, []string{`"srv/.wh.passwd"`, "fix: rename"}},
		{"hard link", header(tar.Header{Name: "a", Typeflag: tar.TypeLink, Linkname: "b"}), []string{`adding "a"`, "neither"}},
		{"device", header(tar.Header{Name: "null", Typeflag: tar.TypeChar}), []string{`adding "null"`, "neither"}},
		{"link without target", header(tar.Header{Name: "a", Typeflag: tar.TypeSymlink}), []string{"no target"}},
		{"negative owner", header(tar.Header{Name: "a", Uid: -1}), []string{"-1:0"}},
		{"negative size", header(tar.Header{Name: "a", Size: -1}), []string{"negative"}},
		{"mode of an fs.FileMode", header(tar.Header{Name: "a", Mode: 1<<23 | 0o755}), []string{"mode", "07777"}},
		{"other PAX record", header(tar.Header{Name: "a", PAXRecords: map[string]string{"atime": "1"}}), []string{`"atime"`}},
		{"bytes without a source", header(tar.Header{Name: "a", Size: 1}), []string{"no source"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := image.NewLayer(context.Background(), tt.files, image.LayerOptions{})
			wantError(t, err, tt.want...)
		})
	}
}

// A name that sorts between a folder and its contents must not break the check of the order.
func TestNewLayerTakesBytewiseOrder(t *testing.T) {
	t.Parallel()
	layer(t, dir("etc"), dir("etc-more/"), text("etc.d", ""), text("etc/passwd", "x"), text("ä", ""))
}

func TestLayerHistoryDefaults(t *testing.T) {
	t.Parallel()
	l := layer(t, text("a", ""))
	if l.Comment != image.DefaultComment || !l.Created.Equal(time.Unix(0, 0)) || l.CreatedBy != "test" {
		t.Errorf("got comment %q, created %v by %q", l.Comment, l.Created, l.CreatedBy)
	}
}

func TestLayerErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is on fire")
	with := func(open func() (io.ReadCloser, error)) []image.File {
		return []image.File{{Header: tar.Header{Name: "bin/app", Size: 9}, Open: open}}
	}
	for _, tt := range []struct {
		name  string
		files []image.File
	}{
		{"open", with(func() (io.ReadCloser, error) { return nil, broken })},
		{"read", with(func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(broken)), nil })},
		{"read after the last byte", with(func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("123456789"), iotest.ErrReader(broken))), nil
		})},
		{"close", with(func() (io.ReadCloser, error) {
			return badCloser{strings.NewReader("123456789"), broken}, nil
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := image.NewLayer(context.Background(), tt.files, image.LayerOptions{})
			wantError(t, err, `"bin/app"`, "fire")
			if !errors.Is(err, broken) || strings.Count(err.Error(), "bin/app") != 1 {
				t.Errorf("error %q: the cause must be in it, and the file once", err)
			}
		})
	}
}

// badCloser is a source whose Close fails.
type badCloser struct {
	io.Reader
	err error
}

func (b badCloser) Close() error { return b.err }
