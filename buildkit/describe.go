package buildkit

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// markLabel is the label by which an engine's images are known as ours; its value
// is the name of the image. An image without it is never removed.
const markLabel = "io.github.fromscratch-go.image"

// describe makes the image: layers by rate of change, the configuration, and the
// digests of all.
func (b *Built) describe(ctx context.Context) error {
	done := b.report.step(b.Plan.Name, "image", "hashing the layers")
	err := b.makeImage(ctx)
	if err != nil {
		done("", err)
		return err
	}
	var size int64
	for _, l := range b.Image.Layers {
		size += l.Size
	}
	done(fmt.Sprintf("%s, %d layers, %s", b.Image.ConfigDigest.Encoded()[:12], len(b.Image.Layers), bytes(size)), nil)
	return nil
}

func (b *Built) makeImage(ctx context.Context) error {
	var layers []*image.Layer
	for _, l := range []rootfs.Layer{rootfs.System, rootfs.Files, rootfs.Program} {
		files := b.layerFiles(l)
		if len(files) == 0 {
			continue
		}
		layer, err := image.NewLayer(ctx, files, image.LayerOptions{Created: b.Plan.Epoch, CreatedBy: b.layerWords(l)})
		if err != nil {
			return fmt.Errorf("making the %s layer: %w", l, err)
		}
		layers = append(layers, layer)
	}
	config := b.Plan.Image
	config.Labels = map[string]string{}
	maps.Copy(config.Labels, b.Plan.Image.Labels)
	config.Labels[markLabel] = b.Plan.Name
	var err error
	b.Image, err = image.New(config, layers)
	return err
}

// layerFiles are the entries of one layer in the words of the image's room.
func (b *Built) layerFiles(l rootfs.Layer) []image.File {
	var files []image.File
	for _, e := range b.Tree.Entries() {
		if e.Layer != l {
			continue
		}
		f := image.File{Header: *e.Header()}
		if e.Mode.IsRegular() {
			f.Open = e.Source.Open
		}
		files = append(files, f)
	}
	return files
}

// layerWords say in the image's history what a layer is.
func (b *Built) layerWords(l rootfs.Layer) string {
	switch l {
	case rootfs.System:
		if b.Closure.Flavour == ldd.Static {
			return "system: accounts, certificates, /tmp, /data"
		}
		return fmt.Sprintf("system: accounts, certificates, /tmp, /data, %s and the libraries of %s", b.Closure.Loader, b.Plan.program())
	case rootfs.Files:
		return "files: as configured"
	}
	return "program: " + b.Plan.Main.ImportPath
}

// bytes is a size for people.
func bytes(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// Show is a path below the module as its user would write it.
func (p Plan) Show(path string) string {
	rel, err := filepath.Rel(p.Root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return filepath.ToSlash(rel)
}
