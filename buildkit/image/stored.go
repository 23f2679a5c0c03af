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

// Stored is a layer that is a file already.
type Stored struct {
	Path   string        // of the uncompressed tar
	DiffID digest.Digest // of its bytes
	Size   int64         // in bytes
	Blob   *Blob         // the same layer compressed; nil is none
	// CreatedBy, Comment and Created are its line in the history, for people: an image on a base keeps the base's own.
	CreatedBy, Comment string
	Created            time.Time
}

// StoredLayer is a layer whose bytes are in a file, such as one of a base image. The file is not read before
// [Layer.WriteTo], which fails when the bytes are not those of the diff ID.
func StoredLayer(s Stored) *Layer {
	return &Layer{
		DiffID: s.DiffID, Size: s.Size, Blob: s.Blob, stored: s.Path,
		CreatedBy: s.CreatedBy, Comment: s.Comment, Created: wholeSeconds(s.Created),
	}
}

// writeStored copies the file of a layer, and compares it with the diff ID.
func (l *Layer) writeStored(ctx context.Context, w io.Writer) (err error) {
	f, err := os.Open(l.stored)
	if err != nil {
		return fmt.Errorf("reading the layer %s: %w\nfix: run again: the base image is fetched anew", l.DiffID, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	m := newMeasure()
	src := &source{ctx: ctx, name: l.stored, r: io.LimitReader(f, l.Size+1)}
	if _, err := io.CopyBuffer(io.MultiWriter(m, w), src, make([]byte, bufferSize)); err != nil {
		return err
	}
	if m.size != l.Size || m.digest() != l.DiffID {
		return fmt.Errorf("reading the layer %s: the file %q is not what it was\nfix: remove the file, and run again", l.DiffID, l.stored)
	}
	return nil
}
