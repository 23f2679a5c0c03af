package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// cache is a folder of compressed layers. Several runs may use it at once: files are replaced whole, and a missing file is
// made again.
//
//	<diff ID>-<method>.blob   the compressed layer
//	<diff ID>-<method>.json   its digest and size; useful even without the layer
//	<digest>.in               the repositories that have it
//	.*                        a file that is being written
type cache struct {
	dir    string
	method method
}

// Suffixes and prefixes of the files.
const (
	blobSuffix, factSuffix, placeSuffix = ".blob", ".json", ".in"
	tempPrefix, oldTempPrefix           = ".", "tmp-" // of [fsx.Create], and of older versions
)

// fileMode is the mode of the files: other users cannot read them.
const fileMode = 0o600

// newCache creates the folder.
func newCache(dir string, m method) (cache, error) {
	if dir == "" {
		return cache{}, errors.New("caching compressed layers: no folder is set for them")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cache{}, fmt.Errorf("caching compressed layers: %w\nfix: create the folder, or make it writable", err)
	}
	return cache{dir, m}, nil
}

// fact is the digest and size of a compressed layer. Sum guards them against damage.
type fact struct {
	Digest digest.Digest
	Size   int64
	Sum    string
}

// path returns the path of a layer's file.
func (c cache) path(diffID digest.Digest, suffix string) string {
	return filepath.Join(c.dir, diffID.Encoded()+"-"+c.method.name+suffix)
}

// known returns the descriptor of a layer that was compressed before; ok is false if there is none.
func (c cache) known(diffID digest.Digest) (ocispec.Descriptor, bool) {
	var f fact
	text, err := os.ReadFile(c.path(diffID, factSuffix))
	if err != nil || json.Unmarshal(text, &f) != nil || f.Sum != c.sum(diffID, f) || f.Digest.Validate() != nil {
		return ocispec.Descriptor{}, false // missing or damaged: compress again
	}
	return c.descriptor(f.Digest, f.Size), true
}

func (c cache) sum(diffID digest.Digest, f fact) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d", diffID, c.method.name, f.Digest, f.Size))
	return hex.EncodeToString(sum[:])
}

func (c cache) descriptor(d digest.Digest, size int64) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: c.method.mediaType, Digest: d, Size: size}
}

// file makes sure that the complete compressed layer is in the folder, and returns its descriptor and path.
func (c cache) file(ctx context.Context, l *image.Layer) (desc ocispec.Descriptor, path string, err error) {
	path = c.path(l.DiffID, blobSuffix)
	if desc, ok := c.known(l.DiffID); ok {
		good, err := holds(ctx, path, desc)
		if err != nil {
			return desc, "", err
		}
		if good {
			return desc, path, c.touch(path)
		}
	}
	desc, err = c.compress(ctx, l, path)
	if err != nil {
		return desc, "", fmt.Errorf("compressing the layer %q: %w", l.CreatedBy, err)
	}
	return desc, path, nil
}

// touch notes that a file was used. If another run has removed it meanwhile, it is made again later.
func (c cache) touch(path string) error {
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("caching compressed layers: %w", err)
	}
	return nil
}

// holds reports whether a file has the bytes that desc describes.
func holds(ctx context.Context, path string, desc ocispec.Descriptor) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, nil // it is made again; a problem with the folder shows then
	}
	v := desc.Digest.Verifier()
	n, err := io.Copy(v, fsx.Reader(ctx, f))
	if closeErr := f.Close(); err != nil || closeErr != nil {
		return false, ctx.Err()
	}
	return n == desc.Size && v.Verified(), nil
}

// compress writes the compressed layer and its fact.
func (c cache) compress(ctx context.Context, l *image.Layer, path string) (ocispec.Descriptor, error) {
	var desc ocispec.Descriptor
	err := fsx.Create(path, fileMode, func(w *os.File) error {
		m := &measure{w: w, digester: digest.SHA256.Digester()}
		z, err := c.method.writer(m)
		if err != nil {
			return err
		}
		err = l.WriteTo(ctx, z)
		if err = errors.Join(err, z.Close()); err != nil {
			return err
		}
		desc = c.descriptor(m.digester.Digest(), m.size)
		return nil
	})
	if err != nil {
		return desc, err
	}
	f := fact{Digest: desc.Digest, Size: desc.Size}
	f.Sum = c.sum(l.DiffID, f)
	text, err := json.Marshal(f)
	if err != nil {
		return desc, err
	}
	return desc, fsx.Create(c.path(l.DiffID, factSuffix), fileMode, func(w *os.File) error { _, err := w.Write(text); return err })
}

// measure is a writer that computes the digest and the size of what it passes on.
type measure struct {
	w        io.Writer
	digester digest.Digester
	size     int64
}

func (m *measure) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.size += int64(n)
	m.digester.Hash().Write(p[:n])
	return n, err
}
