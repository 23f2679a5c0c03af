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

// bufferSize is what is read and written at once, in bytes: few system calls, still small in memory.
const bufferSize = 256 << 10

// LayerOptions are what a layer needs besides its files. The zero value is good: a layer of 1970.
type LayerOptions struct {
	// Created is the modification time of every entry and the time in the image's history, in whole seconds (a
	// fraction is cut off). The zero time means 1970-01-01T00:00:00Z.
	Created time.Time
	// CreatedBy says in the image's history what the layer is: "docker history" shows it.
	CreatedBy string
	// Comment stands beside it in the history. Default: [DefaultComment].
	Comment string
	// Known is what a layer of the same files and options was found to be, by [Layer.Known]: nothing is read then.
	// Whoever passes it answers for the files being the same; [Layer.WriteTo] finds out when they are not. nil
	// reads all.
	Known *Known
}

// Known is what reading the files of a layer has found.
type Known struct {
	DiffID digest.Digest
	Size   int64
	Sums   []uint32 // CRC-32 of each file's content, in the layer's order; 0 of what has none
}

// Layer is an uncompressed layer of an image: its digest and the sources to write it from. It is made by [NewLayer]
// and does not change; it can be part of several images and be written by several goroutines at once.
type Layer struct {
	// DiffID is the SHA-256 of the uncompressed tar, which is also the digest of the blob.
	DiffID digest.Digest
	// Size is the length of the tar in bytes.
	Size int64
	// CreatedBy, Comment and Created are the layer's line in the image's history.
	CreatedBy, Comment string
	Created            time.Time
	// Blob is the layer as it was found elsewhere, compressed: that of a base image. A push and a layout take it as it
	// is. nil is a layer that is nowhere yet.
	Blob *Blob

	entries []entry
	hashed  bool   // by us, and not known from before
	stored  string // the file of the tar, instead of entries; "" is none
}

// entry is a file whose header is final.
type entry struct {
	header tar.Header
	open   func() (io.ReadCloser, error)
	sum    uint32 // CRC-32 of the content as it was hashed
}

// NewLayer reads every file once and returns the layer they make. The files must be sorted by name, bytewise (a
// trailing slash does not count), without duplicates; folders above them need not be there when a lower layer has them.
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

// fits tells whether a layer of these entries can be the one that is known.
func (k *Known) fits(entries []entry) bool { return k != nil && len(k.Sums) == len(entries) }

// recall takes over what is known.
func (l *Layer) recall(k Known) {
	l.DiffID, l.Size = k.DiffID, k.Size
	for i := range l.entries {
		l.entries[i].sum = k.Sums[i]
	}
}

// Known returns what was found by reading the files, for [LayerOptions].
func (l *Layer) Known() Known {
	k := Known{DiffID: l.DiffID, Size: l.Size, Sums: make([]uint32, len(l.entries))}
	for i, e := range l.entries {
		k.Sums[i] = e.sum
	}
	return k
}

// hash reads all files: the whole tar goes into the hash and nowhere else.
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
// It fails when the bytes are not those that [NewLayer] saw, or knew: a source has changed since. What is in w is
// then worthless. It also fails when a source cannot be read, w cannot be written, or ctx ends.
//
// A layer that was hashed by NewLayer is not hashed again: the headers are the same, and the checksum of each file
// tells that its content is. One that was known before is: that is the first time that its bytes are seen.
func (l *Layer) WriteTo(ctx context.Context, w io.Writer) error {
	if l.stored != "" {
		return l.writeStored(ctx, w)
	}
	out := bufio.NewWriterSize(w, bufferSize)
	m := newMeasure()
	if l.hashed {
		m.hash = nil
	}
	// By file first: the person learns which one, and a big layer is not sent to the end in vain.
	compare := func(i int, sum uint32) error {
		if e := l.entries[i]; sum != e.sum {
			return changed(e.header.Name, "its content is another one now")
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
		return changed(l.CreatedBy, fmt.Sprintf("the layer has %d bytes now that are not those of %s, which had %d", m.size, l.DiffID, l.Size))
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

// wholeSeconds cuts t to what a tar header holds, in UTC so that no time zone shows.
func wholeSeconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return time.Unix(t.Unix(), 0).UTC()
}

// changed is the error for a source that is not what it was when the layer was hashed.
func changed(name, evidence string) error {
	return fmt.Errorf("reading %q: a source changed while the image was made: %s\nfix: run again", name, evidence)
}

// measure is a writer that keeps nothing but the digest and the length.
type measure struct {
	hash hash.Hash // nil counts only
	size int64
}

// newMeasure has seen nothing yet.
func newMeasure() *measure { return &measure{hash: sha256.New()} }

// Write never fails.
func (m *measure) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	if m.hash == nil {
		return len(p), nil
	}
	return m.hash.Write(p)
}

// digest is that of all bytes so far.
func (m *measure) digest() digest.Digest { return digest.NewDigest(digest.SHA256, m.hash) }
