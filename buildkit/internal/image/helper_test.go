package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// text returns a regular file with content from memory.
func text(name, content string) image.File {
	return image.File{
		Header: tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))},
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

// dir returns a folder.
func dir(name string) image.File {
	return image.File{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}}
}

// onDisk returns a regular file with the bytes of a host file.
func onDisk(name, path string, size int64) image.File {
	return image.File{
		Header: tar.Header{Name: name, Mode: 0o755, Size: size},
		Open:   func() (io.ReadCloser, error) { return os.Open(path) },
	}
}

// layer makes a layer and fails the test if it can't.
func layer(t *testing.T, files ...image.File) *image.Layer {
	t.Helper()
	l, err := image.NewLayer(context.Background(), files, image.LayerOptions{CreatedBy: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// written returns the layer's tar.
func written(t *testing.T, l *image.Layer) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := l.WriteTo(context.Background(), &buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// wantError checks that err has all the parts. If one of them is a fix, the last line must be a fix.
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
