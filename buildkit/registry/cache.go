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

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
)

// cache is a folder of compressed layers. Several runs may use it at once: files are replaced whole, and a file that is
// gone is made again.
//
//	<diff ID>-<method>.blob   the compressed layer
//	<diff ID>-<method>.json   its digest and size, which also stay of use without it
//	<digest>.in               repositories that have it
//	.*                        a file that is being written
type cache struct {
	dir    string
	method method
}

// suffixes and prefixes of the files.
const (
	blobSuffix, factSuffix, placeSuffix = ".blob", ".json", ".in"
	tempPrefix, oldTempPrefix           = ".", "tmp-" // of [fsx.Create], and of older versions
)

// fileMode is the mode of the files: other users cannot read them.
const fileMode = 0o600

// newCache makes the folder.
func newCache(dir string, m method) (cache, error) {
	if dir == "" {
		return cache{}, errors.New("keeping compressed layers: no folder is named for them")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cache{}, fmt.Errorf("keeping compressed layers: %w\nfix: make the folder, with the right to write there", err)
	}
	return cache{dir, m}, nil
}

// fact is what is known of a compressed layer. Sum guards it against damage.
type fact struct {
	Digest digest.Digest
	Size   int64
	Sum    string
}

// path of a layer's file.
func (c cache) path(diffID digest.Digest, suffix string) string {
	return filepath.Join(c.dir, diffID.Encoded()+"-"+c.method.name+suffix)
}

// known is what the layer was when it was compressed before.
func (c cache) known(diffID digest.Digest) (ocispec.Descriptor, bool) {
	var f fact
	text, err := os.ReadFile(c.path(diffID, factSuffix))
	if err != nil || json.Unmarshal(text, &f) != nil || f.Sum != c.sum(diffID, f) || f.Digest.Validate() != nil {
		return ocispec.Descriptor{}, false // what is not known, or damaged, is found out again
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

// file makes sure that the compressed layer is in the folder, whole, and returns what it is and where.
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

// touch notes that a file was of use. Another run may have removed it meanwhile: then it is made again.
func (c cache) touch(path string) error {
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("keeping compressed layers: %w", err)
	}
	return nil
}

// holds tells whether a file has these bytes.
func holds(ctx context.Context, path string, desc ocispec.Descriptor) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, nil // it is made again, and what is wrong with the folder shows then
	}
	v := desc.Digest.Verifier()
	n, err := io.Copy(v, fsx.Reader(ctx, f))
	if closeErr := f.Close(); err != nil || closeErr != nil {
		return false, ctx.Err()
	}
	return n == desc.Size && v.Verified(), nil
}

// compress writes the layer's file and what is known of it.
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

// measure knows the digest and the length of what goes through.
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
