package buildkit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// describe makes the image: layers by rate of change, the configuration, and the
// digests of all.
func (b *Built) describe(ctx context.Context) error {
	done := b.report.Step(b.Plan.Label(), "image", "hashing the layers")
	err := b.makeImage(ctx)
	if err != nil {
		done("", err)
		return err
	}
	var size int64
	for _, l := range b.Image.Layers {
		size += l.Size
	}
	done(fmt.Sprintf("%s, %d layers, %s%s", b.Image.ConfigDigest.Encoded()[:12], len(b.Image.Layers), Size(size), b.baseSize()), nil)
	return nil
}

func (b *Built) makeImage(ctx context.Context) error {
	path := b.Plan.Dist().Layers()
	before, after := state.ReadLayers(path), state.Layers{}
	var list []*image.Layer
	for _, l := range []rootfs.Layer{rootfs.System, rootfs.Files, rootfs.Program} {
		entries := b.layerEntries(l)
		if len(entries) == 0 {
			continue
		}
		layer, err := b.makeLayer(ctx, l, entries, before, after)
		if err != nil {
			return fmt.Errorf("making the %s layer: %w", l, err)
		}
		list = append(list, layer)
	}
	config := b.Plan.Config
	config.Labels = map[string]string{}
	maps.Copy(config.Labels, b.Plan.Config.Labels)
	config.Labels[docker.NameLabel] = b.Plan.Name
	var err error
	if b.Image, err = image.NewOn(b.Plan.BaseImage(), config, list); err != nil {
		return err
	}
	if maps.EqualFunc(before, after, func(a, b image.Known) bool { return a.DiffID == b.DiffID }) {
		return nil
	}
	return after.Write(path)
}

// makeLayer makes a layer, without reading its files when they are known.
func (b *Built) makeLayer(ctx context.Context, l rootfs.Layer, entries []rootfs.Entry, before, after state.Layers) (*image.Layer, error) {
	o := image.LayerOptions{Created: b.Plan.Epoch, CreatedBy: b.layerWords(l)}
	key, ok := b.layerKey(entries, o)
	if known, found := before[key]; ok && found {
		o.Known = &known
	}
	layer, err := image.NewLayer(ctx, layerFiles(entries), o)
	if err == nil && ok {
		after[key] = layer.Known()
	}
	return layer, err
}

// layerEntries are the entries of a layer, and the folders of lower layers that these lie in, as far as they are not
// root's: engines unpack a layer into a folder of its own, make there what it does not name, and the upper one counts.
func (b *Built) layerEntries(l rootfs.Layer) []rootfs.Entry {
	all := b.Tree.Entries()
	return slices.DeleteFunc(b.Tree.Entries(), func(e rootfs.Entry) bool {
		above := e.Layer < l && e.Mode.IsDir() && !e.IsPlainFolder() && slices.ContainsFunc(all, func(below rootfs.Entry) bool {
			return below.Layer == l && strings.HasPrefix(below.Path, e.Path+"/")
		})
		return e.Layer != l && !above
	})
}

// layerFiles are entries in the words of the image's room.
func layerFiles(entries []rootfs.Entry) []image.File {
	var files []image.File
	for _, e := range entries {
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
		if b.system.Loader == "" {
			return "system: accounts, certificates, /tmp, /data"
		}
		return fmt.Sprintf("system: accounts, certificates, /tmp, /data, %s and the libraries of %s", b.system.Loader, b.Plan.Program())
	case rootfs.Files:
		return "files: as configured"
	}
	return "program: " + b.Plan.Subject()
}
