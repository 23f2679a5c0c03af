package registry

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Compression is the compression of layers in a registry.
type Compression string

const (
	Gzip Compression = "gzip" // the default; every engine and runtime reads it
	Zstd Compression = "zstd" // smaller and faster to unpack; needs containerd 1.5, Docker 23 or podman 4
)

// library is the module that compresses. The bytes of the standard library's gzip change with the version of Go, and every
// digest with them. The version of a module changes only with go.mod.
const library = "github.com/klauspost/compress"

// A layer's bytes depend on these levels, so they are part of method.name.
const (
	zstdLevel = zstd.SpeedDefault
	gzipLevel = 6
)

// method is a compression with everything that its bytes depend on.
type method struct {
	name      string // part of file names: "gzip-6-v1.18.0"
	mediaType string
	writer    func(io.Writer) (io.WriteCloser, error)
}

// method returns the method of a compression. It fails for an unknown name.
func (c Compression) method() (method, error) {
	switch c {
	case "", Gzip:
		return method{fmt.Sprintf("gzip-%d-%s", gzipLevel, libraryVersion()), ocispec.MediaTypeImageLayerGzip, gzipWriter}, nil
	case Zstd:
		return method{fmt.Sprintf("zstd-%s-%s", zstdLevel, libraryVersion()), ocispec.MediaTypeImageLayerZstd, zstdWriter}, nil
	}
	return method{}, fmt.Errorf("compressing layers with %q: there is no such compression\nfix: use \"gzip\" or \"zstd\"", string(c))
}

// gzipWriter writes a header without a name, a time or a system.
func gzipWriter(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzipLevel) }

// zstdWriter compresses on one core, so that the bytes do not depend on the number of cores.
func zstdWriter(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstdLevel), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
}

// libraryVersion returns the version of the linked library, or "unknown" in a Go test, whose build info lacks it.
func libraryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == library {
			if m.Replace != nil {
				return "replaced" + m.Replace.Version
			}
			return m.Version
		}
	}
	return "unknown"
}
