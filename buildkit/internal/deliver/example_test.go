package deliver_test

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// The example makes an image of a program, and an archive of the image for "docker load".
func Example() {
	ctx := context.Background()
	const content = "\x7fELF …"
	program := image.File{
		Header: tar.Header{Name: "/hello", Mode: 0o755, Size: int64(len(content))},
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
	layer, err := image.NewLayer(ctx, []image.File{program}, image.LayerOptions{CreatedBy: "program /hello"})
	if err != nil {
		fmt.Println(err)
		return
	}
	img, err := image.New(image.Config{
		Platform:   image.Platform{Architecture: "amd64"},
		Entrypoint: []string{"/hello"},
		User:       "65534:65534",
	}, []*image.Layer{layer})
	if err != nil {
		fmt.Println(err)
		return
	}
	archive := deliver.Archive{Image: img, Refs: []string{"hello"}}
	if err := archive.Write(ctx, io.Discard); err != nil { // or to the engine, or archive.WriteFile(ctx, "dist/hello.tar")
		fmt.Println(err)
		return
	}
	fmt.Println(len(img.Layers), "layer of", layer.Size, "bytes for", img.Config().Platform)
	// Output: 1 layer of 2048 bytes for linux/amd64
}
