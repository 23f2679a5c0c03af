package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// mixture is content that compresses somewhat: words, noise and zeros. It is the same for each seed.
func mixture(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < size {
		switch r.IntN(3) {
		case 0:
			fmt.Fprintf(&b, "func (c *client) method%d(ctx context.Context) error { return nil }\n", r.IntN(1000))
		case 1:
			b.WriteString(strings.Repeat("\x00", r.IntN(5000)))
		default:
			for range r.IntN(2000) {
				b.WriteByte(byte(r.Uint32()))
			}
		}
	}
	return b.Bytes()[:size]
}

func mixedLayer(t *testing.T, seed uint64, size int) *image.Layer {
	t.Helper()
	content := mixture(seed, size)
	l, err := image.NewLayer(context.Background(), []image.File{{
		Header: tar.Header{Name: "app", Mode: 0o755, Size: int64(size)},
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}}, image.LayerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The compressed bytes depend on the library's version alone. If this fails after an upgrade of the library, every pushed
// digest changes: put the new sums here, and tell users.
func TestCompressionIsFixed(t *testing.T) {
	t.Parallel()
	for c, want := range map[Compression]string{
		Gzip: "6b45fbfd5322afc1",
		Zstd: "51e851caa4bca6fd",
	} {
		m, err := c.method()
		if err != nil {
			t.Fatal(err)
		}
		content := mixture(42, 3<<20)
		var sums []string
		for _, piece := range []int{len(content), 1000, 77777} { // the size of the writes does not matter
			var out bytes.Buffer
			w, err := m.writer(&out)
			if err != nil {
				t.Fatal(err)
			}
			for rest := content; len(rest) > 0; {
				n := min(piece, len(rest))
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(out.Bytes())
			sums = append(sums, hex.EncodeToString(sum[:8]))
		}
		if sums[0] != want || sums[1] != want || sums[2] != want {
			t.Errorf("%s compresses to %q, want %s", m.name, sums, want)
		}
	}
}

func testCache(t *testing.T, c Compression) cache {
	t.Helper()
	m, err := c.method()
	if err != nil {
		t.Fatal(err)
	}
	made, err := newCache(filepath.Join(t.TempDir(), "a", "b"), m)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestCacheCompressesOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []Compression{Gzip, Zstd} {
		c, l := testCache(t, kind), mixedLayer(t, 1, 1<<20)
		if _, ok := c.known(l.DiffID); ok {
			t.Error("the cache knows a layer that was never compressed")
		}
		desc, path, err := c.file(context.Background(), l)
		if err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := c.file(context.Background(), l)
		after, statErr := os.Stat(path)
		if err != nil || statErr != nil || again.Digest != desc.Digest || !os.SameFile(before, after) {
			t.Errorf("%s: it was compressed again: %v, %v", kind, err, statErr)
		}
		if known, ok := c.known(l.DiffID); !ok || known.Digest != desc.Digest || known.Size != before.Size() {
			t.Errorf("%s: the cache has %+v, want %+v", kind, known, desc)
		}
		var tarred bytes.Buffer
		if err := l.WriteTo(context.Background(), &tarred); err != nil {
			t.Fatal(err)
		}
		if got := unpacked(t, kind, path); !bytes.Equal(got, tarred.Bytes()) {
			t.Errorf("%s: %d bytes come out, want %d", kind, len(got), tarred.Len())
		}
	}
}

// unpacked decompresses a file, with the standard library if it has the format.
func unpacked(t *testing.T, kind Compression, path string) []byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader
	if kind == Gzip {
		r, err = gzip.NewReader(bytes.NewReader(packed))
	} else {
		r, err = zstd.NewReader(bytes.NewReader(packed))
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The cache returns the right bytes even if its files are damaged or missing.
func TestCacheIsMended(t *testing.T) {
	t.Parallel()
	damage := func(change func(b []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			t.Helper()
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, change(b), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, change := range map[string]func(t *testing.T, path string){
		"a bit":  damage(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }),
		"cut":    damage(func(b []byte) []byte { return b[:len(b)/2] }),
		"longer": damage(func(b []byte) []byte { return append(b, 'x') }),
		"empty":  damage(func([]byte) []byte { return nil }),
		"gone": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, suffix := range []string{blobSuffix, factSuffix} {
			t.Run(name+suffix, func(t *testing.T) {
				c, l := testCache(t, Gzip), mixedLayer(t, 1, 100_000)
				want, path, err := c.file(context.Background(), l)
				if err != nil {
					t.Fatal(err)
				}
				change(t, c.path(l.DiffID, suffix))
				if known, ok := c.known(l.DiffID); ok && known.Digest != want.Digest {
					t.Errorf("a damaged fact was used: %+v", known)
				}
				got, _, err := c.file(context.Background(), l)
				if err != nil || got.Digest != want.Digest {
					t.Fatalf("it is %+v, %v; want %+v", got, err, want)
				}
				if good, err := holds(context.Background(), path, want); err != nil || !good {
					t.Errorf("the file is not right: %v", err)
				}
			})
		}
	}
}

func TestCacheOfConcurrentRuns(t *testing.T) {
	t.Parallel()
	c := testCache(t, Gzip)
	var wait sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		l := mixedLayer(t, uint64(i%2), 200_000)
		wait.Add(1)
		go func() {
			defer wait.Done()
			desc, path, err := c.file(context.Background(), l)
			good, readErr := holds(context.Background(), path, desc)
			if errs[i] = errors.Join(err, readErr); !good && errs[i] == nil {
				errs[i] = errors.New("the file is not right")
			}
		}()
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if temps, _ := filepath.Glob(filepath.Join(c.dir, tempPrefix+"*")); len(temps) > 0 {
		t.Errorf("there are %q left", temps)
	}
}

func TestCacheIsCancelled(t *testing.T) {
	t.Parallel()
	c, l := testCache(t, Zstd), mixedLayer(t, 1, 1<<20)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := c.file(ctx, l); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if entries, err := os.ReadDir(c.dir); err != nil || len(entries) > 0 {
		t.Errorf("there are %v left (%v)", entries, err)
	}
}

// Eviction removes the least recently used layer first, and the temporary files of killed runs.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := testCache(t, Gzip)
	var paths []string
	var size int64
	for i := range 4 {
		desc, path, err := c.file(context.Background(), mixedLayer(t, uint64(i), 100_000))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		paths, size = append(paths, path), max(size, desc.Size)
	}
	old, young := filepath.Join(c.dir, tempPrefix+"old"), filepath.Join(c.dir, tempPrefix+"young")
	for _, path := range []string{old, young} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	longAgo := time.Now().Add(-2 * staleTemp)
	if err := os.Chtimes(old, longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	// Use the oldest layer again.
	if _, _, err := c.file(context.Background(), mixedLayer(t, 0, 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := c.evict(2 * size); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{paths[0]: true, paths[1]: false, paths[2]: false, paths[3]: true, old: false, young: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", filepath.Base(path), err, want)
		}
	}
	if facts, _ := filepath.Glob(filepath.Join(c.dir, "*"+factSuffix)); len(facts) != 2 {
		t.Errorf("%d facts are left, want 2", len(facts))
	}
}
