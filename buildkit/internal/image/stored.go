package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/opencontainers/go-digest"
)

// Stored describes a layer that already exists as a file.
type Stored struct {
	Path   string        // path of the uncompressed tar
	DiffID digest.Digest // digest of its bytes
	Size   int64         // in bytes
	Blob   *Blob         // the same layer compressed, or nil
	// CreatedBy, Comment and Created are for people only: an image on a base keeps the base's own history.
	CreatedBy, Comment string
	Created            time.Time
}

// StoredLayer returns a layer whose bytes are in a file, such as one of a base image. Only [Layer.WriteTo] reads the
// file. It fails if the bytes do not match the diff ID.
func StoredLayer(s Stored) *Layer {
	return &Layer{
		DiffID: s.DiffID, Size: s.Size, Blob: s.Blob, stored: s.Path,
		CreatedBy: s.CreatedBy, Comment: s.Comment, Created: wholeSeconds(s.Created),
	}
}

// writeStored copies the file of a layer and compares it with the diff ID.
func (l *Layer) writeStored(ctx context.Context, w io.Writer) (err error) {
	f, err := os.Open(l.stored)
	if err != nil {
		return fmt.Errorf("reading the layer %s: %w\nfix: run again; the base image is then fetched again", l.DiffID, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	m := newMeasure()
	src := &source{ctx: ctx, name: l.stored, r: io.LimitReader(f, l.Size+1)}
	if _, err := io.CopyBuffer(io.MultiWriter(m, w), src, make([]byte, bufferSize)); err != nil {
		return err
	}
	if m.size != l.Size || m.digest() != l.DiffID {
		return fmt.Errorf("reading the layer %s: the content of the file %q has changed\nfix: remove the file, and run again", l.DiffID, l.stored)
	}
	return nil
}
