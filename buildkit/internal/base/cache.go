package base

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// cache is a folder with the uncompressed layers of bases by diff ID, and with what is known about bases. Its files are always
// complete: each is written under another name and renamed.
type cache string

func (c cache) layer(diffID digest.Digest) string { return c.file("layers", diffID) }

func (c cache) file(kind string, d digest.Digest) string {
	return filepath.Join(string(c), kind, d.Algorithm().String()+"-"+d.Encoded())
}

// record is what is known about a base, stored by a name that never means another base.
type record struct {
	Config   json.RawMessage
	Digest   digest.Digest // of the manifest; "" if there is none
	Blobs    []blobRecord  // compressed layers, lowest first; none if they are not stored compressed
	From     string
	FullName string // of the repository, "docker.io/library/alpine"
}

type blobRecord struct {
	MediaType string
	Digest    digest.Digest
	Size      int64
}

// recordName returns the path of the record for a name.
func (c cache) recordName(kind, name string, p image.Platform) string {
	return c.file("images", digest.FromString(kind+" "+name+" "+p.String()))
}

// recall reads a record. A record that cannot be read counts as missing: the base is then looked up again.
func (c cache) recall(name string) (record, bool) {
	var r record
	text, err := os.ReadFile(name)
	if err != nil || json.Unmarshal(text, &r) != nil {
		return r, false
	}
	return r, true
}

func (c cache) remember(name string, r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return c.write(name, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// write writes a file of the cache whole or not at all, and read-only.
func (c cache) write(name string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("making the folder of the cache: %w", err)
	}
	return fsx.Create(name, 0o444, func(f *os.File) error { return fill(f) })
}

// atOnce is how many layers are fetched at once. docker uses the same number.
const atOnce = 3

// layers fetches the missing layers into the cache, each from its blob. A layer that came from another blob is fetched again:
// otherwise a manifest could claim any blob for a cached layer.
func (c cache) layers(ctx context.Context, diffIDs []digest.Digest, blobs []image.Blob, a *account) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := fsx.Each(ctx, len(diffIDs), atOnce, func(ctx context.Context, i int) error {
		if _, err := os.Stat(c.layer(diffIDs[i])); err == nil && c.proved(diffIDs[i], blobs[i]) {
			return nil
		}
		err := c.fetch(ctx, diffIDs[i], blobs[i], a)
		if err != nil {
			stop(err) // ends the others, whose errors do not matter
		}
		return err
	})
	if err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// fetch decompresses a blob into the cache.
func (c cache) fetch(ctx context.Context, diffID digest.Digest, blob image.Blob, a *account) error {
	err := c.write(c.layer(diffID), func(w io.Writer) error { return expand(ctx, w, blob, diffID, a) })
	if err == nil {
		if err = c.index(ctx, c.layer(diffID), a.packed(blob.Size)); err != nil {
			err = errors.Join(err, fsx.Remove(c.layer(diffID)))
		}
	}
	if err == nil && isPacked(blob, diffID) {
		err = c.write(c.proof(diffID, blob), func(w io.Writer) error { _, err := fmt.Fprint(w, blob.Size); return err })
	}
	if err != nil {
		return fmt.Errorf("fetching the layer %s: %w", diffID, err)
	}
	return nil
}

// isPacked reports whether a layer's blob differs from the layer itself.
func isPacked(blob image.Blob, diffID digest.Digest) bool {
	return blob.Digest != "" && blob.Digest != diffID
}

// proof returns the path of the file that proves that a blob expands to a layer. It has the blob's size.
func (c cache) proof(diffID digest.Digest, blob image.Blob) string {
	return c.file("blobs", digest.FromString(diffID.String()+" "+blob.Digest.String()))
}

// proved reports whether a blob of this size is known to expand to a layer.
func (c cache) proved(diffID digest.Digest, blob image.Blob) bool {
	if !isPacked(blob, diffID) {
		return true
	}
	text, err := os.ReadFile(c.proof(diffID, blob))
	return err == nil && string(text) == strconv.FormatInt(blob.Size, 10)
}
