package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// writeBlobs writes the layers, then the small blobs, then the file that marks a layout.
func (d *layoutDir) writeBlobs(ctx context.Context, small []document, images []*image.Image) error {
	for _, img := range images {
		for i, b := range img.Blobs() {
			if err := d.writeBlob(ctx, b.Digest, b.Size, func(w io.Writer) error { return copyBlob(ctx, w, img.Layers[i], b) }); err != nil {
				return err
			}
		}
	}
	for _, doc := range small {
		sum := digest.FromBytes(doc.content)
		write := func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(doc.content)); return err }
		if err := d.writeBlob(ctx, sum, int64(len(doc.content)), write); err != nil {
			return err
		}
	}
	mark := filepath.Join(d.path, ocispec.ImageLayoutFile)
	if _, err := os.Lstat(mark); err == nil {
		return nil
	}
	d.made = append(d.made, mark)
	return replaceFile(mark, func(w io.Writer) error {
		_, err := io.WriteString(w, `{"imageLayoutVersion":"`+ocispec.ImageLayoutVersion+`"}`)
		return err
	})
}

// copyBlob writes a layer's blob to w.
func copyBlob(ctx context.Context, w io.Writer, l *image.Layer, b image.Blob) (err error) {
	if b.Open == nil {
		return l.WriteTo(ctx, w)
	}
	r, err := b.Open(ctx)
	if err != nil {
		return fmt.Errorf("reading the layer %s: %w", b.Digest, err)
	}
	defer func() { err = errors.Join(r.Close(), err) }()
	if _, err := io.Copy(w, fsx.Reader(ctx, r)); err != nil {
		return fmt.Errorf("copying the layer %s: %w", b.Digest, err)
	}
	return nil
}

// writeBlob writes a blob that is missing or damaged.
func (d *layoutDir) writeBlob(ctx context.Context, sum digest.Digest, size int64, write func(io.Writer) error) error {
	path := filepath.Join(d.path, filepath.FromSlash(blobPath(sum)))
	right, err := holds(ctx, path, sum, size)
	if err != nil || right {
		return err
	}
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		d.made = append(d.made, path)
	}
	return replaceFile(path, func(w io.Writer) error {
		sums := sum.Algorithm().Digester()
		if err := write(io.MultiWriter(w, sums.Hash())); err != nil {
			return err
		}
		if got := sums.Digest(); got != sum {
			return fmt.Errorf("writing the blob %s: the bytes are those of %s", sum, got)
		}
		return nil
	})
}

// holds reports whether a file has the bytes of a digest.
func holds(ctx context.Context, path string, sum digest.Digest, size int64) (bool, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return false, nil // a problem with the file shows when it is replaced
	}
	f, err := os.Open(path)
	if err != nil {
		return false, nil
	}
	v := sum.Verifier()
	_, err = io.Copy(v, fsx.Reader(ctx, f))
	if closeErr := f.Close(); err != nil || closeErr != nil {
		return false, ctx.Err()
	}
	return v.Verified(), nil
}

// writeIndex replaces index.json.
func (d *layoutDir) writeIndex(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := d.index.bytes()
	if err != nil {
		return err
	}
	path := filepath.Join(d.path, ocispec.ImageIndexFile)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		d.made = nil
		return nil
	}
	if err := replaceFile(path, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	d.made = nil // the layout needs all of it now
	return nil
}

// makeFolder makes a folder and those above it.
func (d *layoutDir) makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := d.makeFolder(parent); err != nil {
			return err
		}
	}
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, os.ErrExist) {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil // another run has made it
		}
		return fmt.Errorf("%q exists and is not a folder\nfix: name a folder", path)
	}
	if err == nil {
		d.made = append(d.made, path)
		// The umask must not matter. Some file systems have a fixed mode and refuse others.
		if err = os.Chmod(path, 0o755); errors.Is(err, os.ErrPermission) {
			err = nil
		}
	}
	return err
}

// undoFiles removes the new files.
func (d *layoutDir) undoFiles() error { return d.undoEach(false) }

// undoFolders removes the new folders that are empty. Others are in use by another run.
func (d *layoutDir) undoFolders() error { return d.undoEach(true) }

func (d *layoutDir) undo() error { return errors.Join(d.undoFiles(), d.undoFolders()) }

func (d *layoutDir) undoEach(folders bool) error {
	var errs []error
	for _, path := range slices.Backward(d.made) {
		info, err := os.Lstat(path)
		if err != nil || info.IsDir() != folders {
			continue
		}
		if err := os.Remove(path); err != nil && !folders {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sweep removes the temporary files in a folder.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if isTemporary(e.Name()) {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// isTemporary reports whether a name is one of [createBeside].
func isTemporary(name string) bool {
	return strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix)
}
