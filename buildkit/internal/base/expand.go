package base

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// Limits of a base's layers together, and of a compressed archive with them. Their size may be expandedFree bytes plus
// expandedFactor times the bytes read; a claimed size does not count. So a megabyte becomes a hundred at most. A Debian with
// compilers has three times the size of its gzip, and its most compressible 32 MiB have five times; of a compressed archive
// the layers are written twice.
const (
	expandedFree   = 32 << 20
	expandedFactor = 64
	maxBlob        = 1 << 40  // bytes
	maxWindow      = 64 << 20 // of zstd, in bytes; engines use 32 MiB at most
)

// expand writes the uncompressed tar of a layer, and checks the digests of the blob and the tar. a is the account of its base.
func expand(ctx context.Context, w io.Writer, blob image.Blob, diffID digest.Digest, a *account) (err error) {
	if blob.Size < 0 || blob.Size > maxBlob {
		return fmt.Errorf("a blob of %d bytes cannot be a layer", blob.Size)
	}
	body, err := blob.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	packed, whole := digest.SHA256.Digester(), diffID.Algorithm().Digester()
	counted := &counter{ctx: ctx, r: io.LimitReader(body, blob.Size+1), account: a}
	in := bufio.NewReaderSize(io.TeeReader(counted, packed.Hash()), 256<<10)
	tar, done, err := decompress(in)
	if err != nil {
		return err
	}
	defer done()
	if err := copyScanned(ctx, io.MultiWriter(w, whole.Hash()), tar, a); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // bytes after the compressed data are part of the blob
		return err
	}
	switch {
	case counted.n != blob.Size:
		return broken("the blob has %d bytes, not %d", counted.n, blob.Size)
	case blob.Digest != "" && packed.Digest() != blob.Digest:
		return broken("the blob is %s, not %s", packed.Digest(), blob.Digest)
	case whole.Digest() != diffID:
		return broken("the layer is %s", whole.Digest())
	}
	return nil
}

// broken returns the error for bytes that do not match their digest.
func broken(format string, args ...any) error {
	return fmt.Errorf(format+"\nfix: fetch or write the base again: it is damaged", args...)
}

// decompress recognises the compression by the first bytes, as engines do: media types are often wrong.
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
