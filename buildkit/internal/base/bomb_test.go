package base

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// hostile are layers that are made to fill their reader's memory or to keep it busy.
var hostile = []struct {
	name  string
	want  string
	write func(tw *tar.Writer) error
}{
	{"folders that are made for each file", "too many files and folders", func(tw *tar.Writer) error {
		deep := strings.Repeat("/d", 190)
		for i := range 20_000 {
			if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i) + deep + "/f", Mode: 0o644}); err != nil {
				return err
			}
		}
		return nil
	}},
	{"too many files", "too many files and folders", func(tw *tar.Writer) error {
		for i := range 200_000 {
			if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Mode: 0o644}); err != nil {
				return err
			}
		}
		return nil
	}},
	{"long names", "path is too long", func(tw *tar.Writer) error {
		return repeat(20, func(i int) error {
			return tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i) + strings.Repeat("x", 1<<20-100), Format: tar.FormatPAX})
		})
	}},
	{"long targets", "path is too long", func(tw *tar.Writer) error {
		return repeat(20, func(i int) error {
			return tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("x", 1<<20-100), Format: tar.FormatPAX})
		})
	}},
	{"many names of the longest kind", "names of its files are too long", func(tw *tar.Writer) error {
		return repeat(20_000, func(i int) error {
			return tw.WriteHeader(&tar.Header{Name: strings.Repeat("y", 4000) + fmt.Sprint(i), Format: tar.FormatGNU})
		})
	}},
	{"records", "too many records", func(tw *tar.Writer) error {
		many := map[string]string{}
		for i := range 20_000 {
			many["SCHILY.xattr.user."+fmt.Sprint(i)] = "v"
		}
		return repeat(100, func(i int) error {
			return tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i), PAXRecords: many, Format: tar.FormatPAX})
		})
	}},
	{"chains of links", "lead to too many places", func(tw *tar.Writer) error {
		if err := tw.WriteHeader(&tar.Header{Name: "l0", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return err
		}
		for i := 1; i < 39; i++ {
			to := strings.Repeat("././", 900) + fmt.Sprintf("l%d", i-1)
			if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprintf("l%d", i), Typeflag: tar.TypeSymlink, Linkname: to}); err != nil {
				return err
			}
		}
		return repeat(5000, func(i int) error { return tw.WriteHeader(&tar.Header{Name: fmt.Sprintf("l38/%d", i)}) })
	}},
	{"whiteouts of one folder", "lead to too many places", func(tw *tar.Writer) error {
		if err := repeat(20_000, func(i int) error { return tw.WriteHeader(&tar.Header{Name: fmt.Sprintf("d/%d", i)}) }); err != nil {
			return err
		}
		return repeat(20_000, func(i int) error { return tw.WriteHeader(&tar.Header{Name: "d/.wh..wh..opq"}) })
	}},
	{"a folder below a folder below a link", "too ", func(tw *tar.Writer) error {
		return repeat(1000, func(i int) error {
			if err := tw.WriteHeader(&tar.Header{Name: "l/" + strings.Repeat("d/", 190), Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
				return err
			}
			to := strings.Repeat("d/", 190)
			if i > 0 {
				to = "l/" + to
			}
			return tw.WriteHeader(&tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "m" + fmt.Sprint(i) + "/" + to})
		})
	}},
}

func repeat(n int, do func(int) error) error {
	for i := range n {
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

// packed writes a hostile layer, and returns its compressed blob.
func packed(t *testing.T, write func(*tar.Writer) error) ([]byte, digest.Digest) {
	t.Helper()
	var out bytes.Buffer
	zw, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	whole := digest.Canonical.Digester()
	tw := tar.NewWriter(io.MultiWriter(zw, whole.Hash()))
	if err := errors.Join(write(tw), tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), whole.Digest()
}

// A hostile layer is refused and leaves nothing in the cache.
func TestHostileLayers(t *testing.T) {
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			blob, diffID := packed(t, tt.write)
			c := cache(t.TempDir())
			err := c.fetch(context.Background(), diffID, blobOf(blob), &account{})
			if err == nil {
				_, err = flatten(context.Background(), []string{c.layer(diffID)}, int64(len(blob)))
			} else if left, _ := filepath.Glob(filepath.Join(string(c), "layers", "*")); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// Chains of headers of one file, which archive/tar reads at once, are bounded too.
func TestChainOfHeaders(t *testing.T) {
	var out bytes.Buffer
	tw := tar.NewWriter(&out)
	if err := tw.WriteHeader(&tar.Header{Name: "x", PAXRecords: map[string]string{"comment": strings.Repeat("x", 1<<20-100)}, Format: tar.FormatPAX}); err != nil {
		t.Fatal(err)
	}
	pax := out.Bytes()[:len(out.Bytes())-512] // without the header of the file
	name := filepath.Join(t.TempDir(), "layer.tar")
	if err := os.WriteFile(name, bytes.Repeat(pax, 20), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Flatten(context.Background(), []string{name}); !errors.Is(err, errHeader) {
		t.Errorf("error %v, want %v", err, errHeader)
	}
}

// A sparse file is refused, in layers and in archives.
func TestSparseFiles(t *testing.T) {
	for _, format := range []string{"gnu", "posix"} {
		t.Run(format, func(t *testing.T) {
			needTar(t)
			dir := t.TempDir()
			if err := errors.Join(os.WriteFile(filepath.Join(dir, "hole"), []byte("x"), 0o644), os.Truncate(filepath.Join(dir, "hole"), 1<<30)); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(dir, "layer.tar")
			runTar(t, "--sparse", "--format="+format, "-C", dir, "-cf", name, "hole")
			if _, err := Flatten(context.Background(), []string{name}); err == nil || !strings.Contains(err.Error(), "sparse") {
				t.Errorf("as a layer: %v", err)
			}
			if _, err := openArchive(context.Background(), name, dir); err == nil || !strings.Contains(err.Error(), "sparse") {
				t.Errorf("as an archive: %v", err)
			}
		})
	}
}

// wornOut is a context that ends after a number of looks.
type wornOut struct {
	context.Context
	looks *int
}

func (w wornOut) Err() error {
	if *w.looks--; *w.looks < 0 {
		return context.Canceled
	}
	return nil
}

// Flatten looks at the context regularly, even within one layer.
func TestFlattenObeysTheContext(t *testing.T) {
	name := filepath.Join(t.TempDir(), "layer.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(f)
	for i := range 30_000 {
		if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprintf("a/b/c/%d", i), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := cache("").index(context.Background(), name, 1<<30); err != nil {
		t.Fatal(err)
	}
	for _, looks := range []int{0, 3, 10} {
		left := looks
		if _, err := Flatten(wornOut{context.Background(), &left}, []string{name}); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d looks: %v", looks, err)
		}
	}
}

// The claimed size of a blob does not count, only the bytes that were read of it.
func TestExpandCountsWhatItRead(t *testing.T) {
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	if _, err := io.CopyN(zw, zeros{}, 2<<30); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	blob := image.Blob{Size: 1 << 39, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(out.Bytes())), nil
	}}
	var written counting
	err := expand(context.Background(), &written, blob, digest.FromString(""), &account{})
	if err == nil || !strings.Contains(err.Error(), "bomb") {
		t.Errorf("error %v", err)
	}
	if most := int64(out.Len())*expandedFactor + expandedFree; int64(written) > most {
		t.Errorf("%d bytes were written of a blob of %d, want at most %d", written, out.Len(), most)
	}
}

type counting int64

func (c *counting) Write(p []byte) (int, error) {
	*c += counting(len(p))
	return len(p), nil
}

func runTar(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("tar", args...).CombinedOutput(); err != nil {
		t.Fatalf("tar %q: %v\n%s", args, err, out)
	}
}

func needTar(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("tar", "--version").Output(); err != nil || !strings.Contains(string(out), "GNU") {
		testkit.Missing(t, "GNU tar")
	}
}

// A base of a megabyte never writes more than a hundred to the disk, whichever way it is packed.
func TestHostileMegabyte(t *testing.T) {
	const megabyte, most = 1 << 20, 100 << 20
	// The rest of the megabyte is a frame that decoders skip: what has been read of it counts before the bomb begins.
	fill := func(head, tail []byte) []byte {
		n := megabyte - len(head) - len(tail) - 8
		frame := []byte{0x50, 0x2a, 0x4d, 0x18, byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
		return bytes.Join([][]byte{head, frame, make([]byte, n), tail}, nil)
	}
	frame := func(text []byte) []byte {
		b, _ := squeezed(t, func(w io.Writer) error { _, err := w.Write(text); return err })
		return b
	}
	layer := func(size int) []byte {
		var out bytes.Buffer
		tw := tar.NewWriter(&out)
		if err := tw.WriteHeader(&tar.Header{Name: "zeros", Size: int64(size), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := tw.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	archive := func(layers ...[]byte) []byte {
		var ids []digest.Digest
		for _, l := range layers {
			ids = append(ids, digest.FromBytes(l))
		}
		var out bytes.Buffer
		tw := tar.NewWriter(&out)
		for name, text := range layoutOf(t, layers, ids) {
			if err := tw.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
				t.Fatal(err)
			}
			if _, err := tw.Write(text); err != nil {
				t.Fatal(err)
			}
		}
		if err := tw.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, tt := range []struct {
		name  string
		files func() map[string][]byte
	}{
		{"an archive of zeros", func() map[string][]byte {
			zeros := make([]byte, 200<<20)
			return map[string][]byte{"a": fill(frame(zeros[:512]), frame(zeros))}
		}},
		{"an archive whose layer is written a second time", func() map[string][]byte {
			whole := archive(layer(60 << 20))
			return map[string][]byte{"a": fill(frame(whole[:512]), frame(whole[512:]))}
		}},
		{"a layout of three layers", func() map[string][]byte {
			var blobs [][]byte
			var ids []digest.Digest
			for i := range 3 {
				b, id := layerOfZeros(t, fmt.Sprint(i), 50<<20)
				blobs, ids = append(blobs, b), append(ids, id)
			}
			return layoutOf(t, blobs, ids)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files, store := tt.files(), t.TempDir()
			dir := t.TempDir()
			for name, text := range files {
				name = filepath.Join(dir, filepath.FromSlash(name))
				if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, text, 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			ref := "archive:a"
			if files["a"] == nil {
				ref = "oci:."
			}
			_, err := Finder{Cache: store}.Find(context.Background(), Request{Reference: ref, Dir: dir, Platform: linuxAMD64})
			if err == nil || !strings.Contains(err.Error(), "bomb") {
				t.Errorf("error %v, want that it is a bomb", err)
			}
			if n := onDisk(t, store); n > most {
				t.Errorf("%d bytes are left on the disk", n)
			}
		})
	}
	var a account
	a.read.Store(megabyte)
	if err := a.write(most); err == nil {
		t.Errorf("a megabyte may become %d bytes", most)
	}
}
