package image_test

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
	"runtime"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

func TestLayerSourceChangedBetweenHashAndSend(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(path string) error
		want   []string // nil: the change does not matter
	}{
		{"other time", func(p string) error { return os.Chtimes(p, time.Now(), time.Unix(1, 0)) }, nil},
		{"other mode", func(p string) error { return os.Chmod(p, 0o600) }, nil},
		{"other content of the same size", func(p string) error { return os.WriteFile(p, []byte("CONTENT"), 0o644) },
			[]string{`"bin/app"`, "a source changed while", "fix: run again"}},
		{"grown", func(p string) error { return os.WriteFile(p, []byte("content and more"), 0o644) },
			[]string{`"bin/app"`, "a source changed while", "more than 7 bytes", "fix: run again"}},
		{"shrunk", func(p string) error { return os.WriteFile(p, []byte("cont"), 0o644) },
			[]string{`"bin/app"`, "a source changed while", "4 of 7 bytes", "fix: run again"}},
		{"removed", os.Remove, []string{`"bin/app"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app")
			if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
				t.Fatal(err)
			}
			l := layer(t, text("bin/aaa", "before"), onDisk("bin/app", path, 7), text("bin/zzz", "after"))
			if err := tt.change(path); err != nil {
				t.Fatal(err)
			}
			err := l.WriteTo(context.Background(), io.Discard)
			if tt.want == nil && err != nil {
				t.Errorf("error %q, want none", err)
			}
			if tt.want != nil {
				wantError(t, err, tt.want...)
			}
		})
	}
}

// A layer with Known is not read before it is written, so WriteTo checks its digest. The checksum of a file is no proof:
// four bytes can always be chosen so that two contents have the same CRC-32, and these two contents do.
func TestKnownLayer(t *testing.T) {
	t.Parallel()
	content, opened := []byte("plumless"), 0
	file := image.File{
		Header: tar.Header{Name: "a", Size: int64(len(content))},
		Open: func() (io.ReadCloser, error) {
			opened++
			return io.NopCloser(bytes.NewReader(content)), nil
		},
	}
	known := layer(t, file).Known()
	again, err := image.NewLayer(context.Background(), []image.File{file}, image.LayerOptions{Known: &known})
	if err != nil {
		t.Fatal(err)
	}
	if opened != 1 || again.DiffID != known.DiffID || again.Size != known.Size {
		t.Errorf("opened %d times; the layer is %s of %d bytes, known was %s of %d", opened, again.DiffID, again.Size, known.DiffID, known.Size)
	}
	if err := again.WriteTo(context.Background(), io.Discard); err != nil {
		t.Error(err)
	}
	content = []byte("buckeroo")
	wantError(t, again.WriteTo(context.Background(), io.Discard), "a source changed while", string(again.DiffID), "fix: run again")
	// Known of another layer is ignored.
	other, err := image.NewLayer(context.Background(), []image.File{file, text("b", "x")}, image.LayerOptions{Known: &known})
	if err != nil || other.DiffID == known.DiffID {
		t.Errorf("the layer of two files used Known of a layer of one file (%v)", err)
	}
}

func TestLayerSizeWrongFromTheBeginning(t *testing.T) {
	t.Parallel()
	f := text("a", "twelve bytes")
	f.Header.Size = 5
	_, err := image.NewLayer(context.Background(), []image.File{f}, image.LayerOptions{})
	wantError(t, err, `"a"`, "more than 5 bytes", "fix: run again")
}

// A file of 300 MB goes through a buffer. All allocations together, freed or not, are a fraction of its size.
func TestLayerOfAHugeFileNeedsLittleMemory(t *testing.T) {
	const size, bound = 300 << 20, 8 << 20
	path := filepath.Join(t.TempDir(), "sparse")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l := layer(t, onDisk("huge", path, size))
	if err := l.WriteTo(context.Background(), io.Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > bound {
		t.Errorf("%d MiB were allocated for a file of %d MiB, want at most %d", got>>20, size>>20, bound>>20)
	}
	if l.Size < size {
		t.Errorf("the layer has %d bytes, want more than %d", l.Size, size)
	}
}

// The context ends in the middle of a file, when a file is opened, and before the first file.
func TestLayerObeysTheContext(t *testing.T) {
	t.Parallel()
	for _, cancelAt := range []string{"start", "open", "read"} {
		t.Run(cancelAt, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			reads := 0
			f := image.File{Header: tar.Header{Name: "endless", Size: 1 << 40}, Open: func() (io.ReadCloser, error) {
				if cancelAt == "open" {
					cancel()
				}
				return io.NopCloser(readerFunc(func(p []byte) (int, error) {
					if reads++; reads == 3 {
						cancel()
					}
					if reads > 100 {
						return 0, io.EOF // the context was not checked
					}
					return len(p), nil
				})), nil
			}}
			if cancelAt == "start" {
				cancel()
			}
			_, err := image.NewLayer(ctx, []image.File{f}, image.LayerOptions{})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want the context's", err)
			}
			if reads > 3 {
				t.Errorf("%d reads after the context had ended", reads-3)
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// helperFolder is set for the child process that only prints digests: see TestImageIsTheSameEverywhere.
const helperFolder = "FROMSCRATCH_TEST_IMAGE_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperFolder); dir != "" {
		if err := printDigests(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// printDigests writes a source with the current umask and time, makes an image of it and prints its digests.
func printDigests(dir string) error {
	path := filepath.Join(dir, "source")
	if err := os.WriteFile(path, []byte("the same bytes"), 0o666); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	// A header as a careless caller makes it, with all that the host knows about the file.
	h, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	h.Name, h.Mode, h.Uid, h.Gid = "app", 0o755, 0, 0
	h.AccessTime, h.ChangeTime = time.Now(), time.Now()
	f := image.File{Header: *h, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	when := time.Unix(1_000_000_000, 5).Local()
	l, err := image.NewLayer(context.Background(), []image.File{f}, image.LayerOptions{Created: when})
	if err != nil {
		return err
	}
	img, err := image.New(image.Config{
		Platform: image.Platform{Architecture: "amd64"}, Created: when, Entrypoint: []string{"/app"},
	}, []*image.Layer{l})
	if err != nil {
		return err
	}
	_, err = fmt.Println(l.DiffID, img.ConfigDigest, img.ManifestDigest)
	return err
}

// The test starts processes, because umask and time zone belong to a process. If root runs the test, the owner of the
// sources differs too.
func TestImageIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a umask and TZ are needed, Windows has neither")
	}
	var first string
	for _, where := range []struct{ umask, zone string }{
		{"022", "UTC"}, {"077", "Asia/Tokyo"}, {"000", "America/St_Johns"},
	} {
		dir := t.TempDir()
		cmd := exec.Command("sh", "-c", `umask "$1"; exec "$2"`, "sh", where.umask, os.Args[0])
		cmd.Env = append(os.Environ(), "TZ="+where.zone, helperFolder+"="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", where, err, out)
		}
		if first == "" {
			first = string(out)
		}
		if string(out) != first {
			t.Errorf("with %v the digests are\n%swant\n%s", where, out, first)
		}
	}
}
