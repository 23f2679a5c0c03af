package deliver_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// text is a regular file with content from memory.
func text(name, content string) image.File {
	return image.File{
		Header: tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))},
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

// onDisk is an executable with the bytes of a host file.
func onDisk(t *testing.T, name, path string) image.File {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return image.File{
		Header: tar.Header{Name: name, Mode: 0o755, Size: info.Size()},
		Open:   func() (io.ReadCloser, error) { return os.Open(path) },
	}
}

// layer makes a layer, which must succeed.
func layer(t *testing.T, createdBy string, files ...image.File) *image.Layer {
	t.Helper()
	l, err := image.NewLayer(context.Background(), files, image.LayerOptions{CreatedBy: createdBy})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newImage makes an image for the platform of the machine, which must succeed.
func newImage(t *testing.T, cfg image.Config, layers ...*image.Layer) *image.Image {
	t.Helper()
	cfg.Platform.Architecture = runtime.GOARCH
	img, err := image.New(cfg, layers)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// small returns an image that no engine has to run.
func small(t *testing.T) *image.Image {
	t.Helper()
	return newImage(t, image.Config{Entrypoint: []string{"/app"}},
		layer(t, "system files", text("etc/passwd", "root:x:0:0::/:\n")), layer(t, "program", text("app", "an app")))
}

// written returns the archive as bytes.
func written(t *testing.T, a deliver.Archive) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := a.Write(context.Background(), &buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// writtenFile writes the archive to a file.
func writtenFile(t *testing.T, a deliver.Archive) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := a.WriteFile(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// untarred returns the names in the archive, in order, and the content of its files.
func untarred(t *testing.T, archive []byte) (names []string, content map[string][]byte) {
	t.Helper()
	content = map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, content
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Typeflag == tar.TypeReg {
			if content[h.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// wantError checks that err has all the parts. If one of them is a fix, the last line must be one too.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
		lines := strings.Split(err.Error(), "\n")
		if strings.HasPrefix(part, "fix:") && !strings.HasPrefix(lines[len(lines)-1], "fix: ") {
			t.Errorf("error %q does not end with a fix", err)
		}
	}
}

var skip = testkit.Skip

// run runs a program, which must succeed, and returns its stdout.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}
