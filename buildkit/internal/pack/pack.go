// Package pack makes the image from its tree: layers by rate of change, the configuration, and the digests of all. It stores the digests
// of layers in dist/NAME/layers, so that a large layer whose files are unchanged is not read again.
package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Image makes the image of a tree.
func Image(ctx context.Context, p plan.Image, set libraries.Set, tree *rootfs.Tree, r report.Report) (*image.Image, error) {
	done := r.Step(p.Label(), "image", "hashing the layers")
	img, err := packing{p, set, tree}.image(ctx)
	if err != nil {
		done("", err)
		return nil, err
	}
	var size int64
	for _, l := range img.Layers {
		size += l.Size
	}
	done(fmt.Sprintf("%s, %d layers, %s%s", img.ConfigDigest.Encoded()[:12], len(img.Layers), report.Size(size), p.OfBase()), nil)
	return img, nil
}

// packing is what the layers are made of.
type packing struct {
	plan.Image
	set  libraries.Set
	tree *rootfs.Tree
}

func (p packing) image(ctx context.Context) (*image.Image, error) {
	path := p.Dist().Layers()
	before, after := state.ReadLayers(path), state.Layers{}
	var list []*image.Layer
	for _, l := range []rootfs.Layer{rootfs.System, rootfs.Files, rootfs.Program} {
		entries := p.entries(l)
		if len(entries) == 0 {
			continue
		}
		layer, err := p.layer(ctx, l, entries, before, after)
		if err != nil {
			return nil, fmt.Errorf("making the %s layer: %w", l, err)
		}
		list = append(list, layer)
	}
	config := p.Config
	config.Labels = map[string]string{}
	maps.Copy(config.Labels, p.Config.Labels)
	config.Labels[docker.NameLabel] = p.Name
	img, err := image.NewOn(p.BaseImage(), config, list)
	if err != nil || maps.EqualFunc(before, after, func(a, b image.Known) bool { return a.DiffID == b.DiffID }) {
		return img, err
	}
	return img, after.Write(path)
}

// layer makes a layer, without reading its files if they are known.
func (p packing) layer(ctx context.Context, l rootfs.Layer, entries []rootfs.Entry, before, after state.Layers) (*image.Layer, error) {
	o := image.LayerOptions{Created: p.Epoch, CreatedBy: p.words(l)}
	key, ok := p.key(entries, o)
	if known, found := before[key]; ok && found {
		o.Known = &known
	}
	layer, err := image.NewLayer(ctx, files(entries), o)
	if err == nil && ok {
		after[key] = layer.Known()
	}
	return layer, err
}

// entries returns the entries of a layer, and the folders of lower layers that these are in, unless they are plain folders of root: engines
// unpack each layer into its own folder, create there what the layer does not name, and the upper folder counts.
func (p packing) entries(l rootfs.Layer) []rootfs.Entry {
	all := p.tree.Entries()
	return slices.DeleteFunc(p.tree.Entries(), func(e rootfs.Entry) bool {
		above := e.Layer < l && e.Mode.IsDir() && !e.IsPlainFolder() && slices.ContainsFunc(all, func(below rootfs.Entry) bool {
			return below.Layer == l && strings.HasPrefix(below.Path, e.Path+"/")
		})
		return e.Layer != l && !above
	})
}

// files converts entries for package image.
func files(entries []rootfs.Entry) []image.File {
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

// words describes a layer in the image's history.
func (p packing) words(l rootfs.Layer) string {
	switch l {
	case rootfs.System:
		if p.set.Loader == "" {
			return "system: accounts, certificates, /tmp, /data"
		}
		return fmt.Sprintf("system: accounts, certificates, /tmp, /data, %s and the libraries of %s", p.set.Loader, p.Program())
	case rootfs.Files:
		return "files: as configured"
	}
	return "program: " + p.Subject()
}

// key returns a checksum of all that a layer's bytes depend on: its entries, and the state of the files that they are read from. ok is false
// if a file is so young that another change of it could go unnoticed.
func (p packing) key(entries []rootfs.Entry, o image.LayerOptions) (key string, ok bool) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q\n", o.Created.Unix(), o.CreatedBy)
	for _, e := range entries {
		fmt.Fprintf(h, "%q %v %d %d %x %d %q ", e.Path, e.Mode, e.UID, e.GID, uint64(e.Capabilities), e.Size, e.Link)
		if !e.Mode.IsRegular() {
			continue
		}
		if content, made := e.Source.Content(); made {
			fmt.Fprintf(h, "%x\n", sha256.Sum256([]byte(content)))
			continue
		}
		path, host := e.Source.Host()
		if name, inSysroot := e.Source.Sysroot(); inSysroot {
			path, host = filepath.Join(p.set.Sysroot, filepath.FromSlash(name)), true
			if p.Builder != nil {
				path = filepath.Join(p.Builder.Below(p.set.Sysroot).Files(), filepath.FromSlash(name))
			}
		}
		sum, err := record.Sum(path, p.Run.Began)
		if err != nil || !host {
			return "", false
		}
		fmt.Fprintf(h, "%q %x\n", path, sum)
	}
	return hex.EncodeToString(h.Sum(nil)), true
}
