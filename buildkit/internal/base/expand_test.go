package base

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

func blobOf(content []byte) image.Blob {
	return image.Blob{Digest: digest.FromBytes(content), Size: int64(len(content)), Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	plain := []byte(strings.Repeat("a layer\n", 1000))
	var gzipped, zstded bytes.Buffer
	g := gzip.NewWriter(&gzipped)
	z, err := zstd.NewWriter(&zstded)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{g, z} {
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	other := blobOf(gzipped.Bytes())
	other.Digest = digest.FromString("another")
	short := blobOf(gzipped.Bytes())
	short.Size--
	endless := blobOf(plain)
	endless.Size = 1 << 62
	half := blobOf(gzipped.Bytes()[:gzipped.Len()/2])
	for _, tt := range []struct {
		name string
		blob image.Blob
		id   digest.Digest
		want string // of the error; "" is none
	}{
		{"plain", blobOf(plain), digest.FromBytes(plain), ""},
		{"gzip", blobOf(gzipped.Bytes()), digest.FromBytes(plain), ""},
		{"zstd", blobOf(zstded.Bytes()), digest.FromBytes(plain), ""},
		{"another blob", other, digest.FromBytes(plain), "the blob is"},
		{"more bytes than it says", short, digest.FromBytes(plain), "bytes, not"},
		{"endless", endless, digest.FromBytes(plain), "cannot be a layer"},
		{"half of it", half, digest.FromBytes(plain), "EOF"},
		{"another layer", blobOf(gzipped.Bytes()), digest.FromString("x"), "the layer is"},
		{"bzip2", blobOf([]byte("BZh91AY&SY")), digest.FromString("x"), "bzip2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			err := expand(context.Background(), &out, tt.blob, tt.id, &account{})
			if tt.want == "" && (err != nil || !bytes.Equal(out.Bytes(), plain)) {
				t.Errorf("%d bytes, error %v", out.Len(), err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A small blob that expands to more than any layer is not written to the disk.
func TestExpandOfABomb(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("two gigabytes of zeros are packed")
	}
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(z, zeros{}, expandedFree+100<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	err = expand(context.Background(), io.Discard, blobOf(packed.Bytes()), digest.FromString("x"), &account{})
	if err == nil || !strings.Contains(err.Error(), "bomb") {
		t.Errorf("error %v of %d bytes", err, packed.Len())
	}
}
