package image

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
)

// DefaultComment is the history comment of a layer whose options have none.
const DefaultComment = "fromscratch"

// bufferSize is how many bytes are read and written at once: few system calls, little memory.
const bufferSize = 256 << 10

// LayerOptions are the parameters of a layer besides its files. The zero value is valid and dates the layer 1970.
type LayerOptions struct {
	// Created is the modification time of every entry and the time in the image's history, in whole seconds (a
	// fraction is cut off). The zero time means 1970-01-01T00:00:00Z.
	Created time.Time
	// CreatedBy is what created the layer, for the image's history. "docker history" shows it.
	CreatedBy string
	// Comment is the comment next to it in the history. Default: [DefaultComment].
	Comment string
	// Known is the result of [Layer.Known] for a layer of the same files and options. NewLayer then reads nothing. The
	// caller guarantees that the files are the same; [Layer.WriteTo] fails if they are not. If nil, all files are read.
	Known *Known
}

// Known is the result of reading the files of a layer.
type Known struct {
	DiffID digest.Digest
	Size   int64
	Sums   []uint32 // CRC-32 of each file's content, in the layer's order; 0 for an entry without content
}

// Layer is an uncompressed layer of an image: its digest and the sources to write it from. It is made by [NewLayer] or
// [StoredLayer] and does not change. Several images may share it, and several goroutines may write it at once.
type Layer struct {
	// DiffID is the SHA-256 of the uncompressed tar, which is also the digest of the blob.
	DiffID digest.Digest
	// Size is the length of the tar in bytes.
	Size int64
	// CreatedBy, Comment and Created are the layer's line in the image's history.
	CreatedBy, Comment string
	Created            time.Time
	// Blob, if set, is the layer as it is stored elsewhere, such as the compressed layer of a base image. A push and a
	// layout use it unchanged, except that a push compresses an uncompressed one.
	Blob *Blob

	entries []entry
	hashed  bool   // by NewLayer, not taken from LayerOptions.Known
	stored  string // path of a tar to use instead of entries, or ""
}

// entry is a file whose header is final.
type entry struct {
	header tar.Header
	open   func() (io.ReadCloser, error)
	sum    uint32 // CRC-32 of the content as it was hashed
}

// NewLayer reads every file once and returns a layer of them. The files must be sorted by name, bytewise (a trailing
// slash does not count), without duplicates. Their parent folders may be missing if a lower layer has them.
//
// It fails when an entry cannot be part of a layer, a source cannot be read, or ctx ends.
func NewLayer(ctx context.Context, files []File, opt LayerOptions) (*Layer, error) {
	l := &Layer{CreatedBy: opt.CreatedBy, Comment: opt.Comment, Created: wholeSeconds(opt.Created)}
	if l.Comment == "" {
		l.Comment = DefaultComment
	}
	order := sequence{leaves: map[string]bool{}}
	for _, f := range files {
		header, err := normalise(f.Header, l.Created)
		if err != nil {
			return nil, err
		}
		if err := order.add(header); err != nil {
			return nil, err
		}
		if f.Open == nil && header.Size > 0 {
			return nil, fmt.Errorf("adding %q: it has %d bytes but no source", header.Name, header.Size)
		}
		l.entries = append(l.entries, entry{header: header, open: f.Open})
	}
	if opt.Known.fits(l.entries) {
		l.recall(*opt.Known)
		return l, nil
	}
	if err := l.hash(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// fits reports whether k can be about a layer of these entries.
func (k *Known) fits(entries []entry) bool { return k != nil && len(k.Sums) == len(entries) }

// recall takes the digest, size and checksums from k.
func (l *Layer) recall(k Known) {
	l.DiffID, l.Size = k.DiffID, k.Size
	for i := range l.entries {
		l.entries[i].sum = k.Sums[i]
	}
}

// Known returns the result of reading the files, for [LayerOptions].
func (l *Layer) Known() Known {
	k := Known{DiffID: l.DiffID, Size: l.Size, Sums: make([]uint32, len(l.entries))}
	for i, e := range l.entries {
		k.Sums[i] = e.sum
	}
	return k
}

// hash reads all files and hashes the tar without writing it anywhere.
func (l *Layer) hash(ctx context.Context) error {
	m := newMeasure()
	remember := func(i int, sum uint32) error { l.entries[i].sum = sum; return nil }
	if err := l.stream(ctx, m, remember); err != nil {
		return err
	}
	l.DiffID, l.Size, l.hashed = m.digest(), m.size, true
	return nil
}

// WriteTo streams the layer's tar to w, reading the sources again.
//
// It fails if the bytes differ from those that [NewLayer] saw or knew, because a source has changed since. What is in w
// is then worthless. It also fails if a source cannot be read, w cannot be written, or ctx ends.
//
// If NewLayer hashed the layer, WriteTo does not hash it again: the headers are the same, and a checksum per file shows
// whether the content is. If the layer came from [LayerOptions].Known, WriteTo hashes it, since it is the first to read it.
func (l *Layer) WriteTo(ctx context.Context, w io.Writer) error {
	if l.stored != "" {
		return l.writeStored(ctx, w)
	}
	out := bufio.NewWriterSize(w, bufferSize)
	m := newMeasure()
	if l.hashed {
		m.hash = nil
	}
	// By file first: the error then names the file, and a big layer is not sent to the end in vain.
	compare := func(i int, sum uint32) error {
		if e := l.entries[i]; sum != e.sum {
			return changed(e.header.Name, "its content is different now")
		}
		return nil
	}
	if err := l.stream(ctx, io.MultiWriter(m, out), compare); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if m.size != l.Size || m.hash != nil && m.digest() != l.DiffID {
		return changed(l.CreatedBy, fmt.Sprintf("the layer now has %d bytes and differs from %s, which had %d", m.size, l.DiffID, l.Size))
	}
	return nil
}

// stream writes the tar to w and calls done with the checksum of each entry after its last byte.
func (l *Layer) stream(ctx context.Context, w io.Writer, done func(i int, sum uint32) error) error {
	tw := tar.NewWriter(w)
	buf := make([]byte, bufferSize)
	for i, e := range l.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := tw.WriteHeader(&e.header); err != nil {
			return err
		}
		if e.open == nil || e.header.Typeflag != tar.TypeReg {
			continue
		}
		sum, err := e.copyTo(ctx, tw, buf)
		if err != nil {
			return err
		}
		if err := done(i, sum); err != nil {
			return err
		}
	}
	return tw.Close()
}

// wholeSeconds truncates t to what a tar header holds, in UTC so that no time zone shows.
func wholeSeconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return time.Unix(t.Unix(), 0).UTC()
}

// changed returns the error for a source that has changed since the layer was hashed.
func changed(name, evidence string) error {
	return fmt.Errorf("reading %q: a source changed while the image was made: %s\nfix: run again", name, evidence)
}

// measure is a writer that computes the digest and the length, and discards the bytes.
type measure struct {
	hash hash.Hash // nil: only count
	size int64
}

// newMeasure returns an empty measure.
func newMeasure() *measure { return &measure{hash: sha256.New()} }

// Write never fails.
func (m *measure) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	if m.hash == nil {
		return len(p), nil
	}
	return m.hash.Write(p)
}

// digest returns the digest of all bytes so far.
func (m *measure) digest() digest.Digest { return digest.NewDigest(digest.SHA256, m.hash) }
