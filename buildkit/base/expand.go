package base

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// A layer may be this much, and by this factor larger than what was read of its blob: real ones stay below a tenth of it,
// and a bomb of some kilobytes does not fill a disk, whatever size it claims to have.
const (
	expandedFree   = 256 << 20
	expandedFactor = 200
	maxBlob        = 1 << 40  // bytes
	maxWindow      = 64 << 20 // of zstd, in bytes: the best compression of engines has 32 MiB
)

// expand writes the tar of a layer, and compares what it reads with the digests of both forms.
func expand(ctx context.Context, w io.Writer, blob image.Blob, diffID digest.Digest) (err error) {
	if blob.Size < 0 || blob.Size > maxBlob {
		return fmt.Errorf("a blob of %d bytes cannot be a layer", blob.Size)
	}
	body, err := blob.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	packed, whole := digest.SHA256.Digester(), diffID.Algorithm().Digester()
	counted := &counter{ctx: ctx, r: io.LimitReader(body, blob.Size+1)}
	in := bufio.NewReaderSize(io.TeeReader(counted, packed.Hash()), 256<<10)
	tar, done, err := decompress(in)
	if err != nil {
		return err
	}
	defer done()
	if err := copyScanned(io.MultiWriter(w, whole.Hash()), tar, counted); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // what stands behind the compressed data is part of the blob
		return err
	}
	switch {
	case counted.n.Load() != blob.Size:
		return broken("the blob has %d bytes, not %d", counted.n.Load(), blob.Size)
	case blob.Digest != "" && packed.Digest() != blob.Digest:
		return broken("the blob is %s, not %s", packed.Digest(), blob.Digest)
	case whole.Digest() != diffID:
		return broken("the layer is %s", whole.Digest())
	}
	return nil
}

// broken is the error for what is not what its digest says.
func broken(format string, args ...any) error {
	return fmt.Errorf(format+"\nfix: fetch or write the base again: what is there is damaged", args...)
}

// decompress recognises the form by its first bytes, as engines do: media types are often wrong.
func decompress(in *bufio.Reader) (io.Reader, func(), error) {
	head, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		r, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, err
		}
		return r, func() {}, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return r, r.Close, nil
	case bytes.HasPrefix(head, []byte("BZh")), bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z'}):
		return nil, nil, errors.New("it is compressed by bzip2 or xz\nfix: compress it by gzip or zstd")
	}
	return in, func() {}, nil
}

// counter counts what is read, until its context ends.
type counter struct {
	ctx context.Context
	r   io.Reader
	n   atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// expanded is a writer of what is decompressed. It ends when that is too much for what was read so far.
type expanded struct {
	w      io.Writer
	packed *counter
	n      int64
}

func (e *expanded) Write(p []byte) (int, error) {
	if err := context.Cause(e.packed.ctx); err != nil {
		return 0, err
	}
	read := e.packed.n.Load()
	if e.n += int64(len(p)); e.n > read*expandedFactor+expandedFree {
		return 0, bomb("it is more than %d bytes, of %d that were read", read*expandedFactor+expandedFree, read)
	}
	return e.w.Write(p)
}
