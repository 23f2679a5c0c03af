package registry

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Compression is how layers are compressed for a registry.
type Compression string

const (
	Gzip Compression = "gzip" // what every engine and runtime takes; the default
	Zstd Compression = "zstd" // smaller and faster to unpack; taken by containerd 1.5, Docker 23, podman 4 and later ones
)

// library compresses. It is not the standard library's gzip, whose bytes change with the version of Go, and with them
// every digest: the version of a module changes only when go.mod does.
const library = "github.com/klauspost/compress"

// zstdLevel and gzipLevel are part of what a layer's bytes depend on: [cacheKey] has them.
const (
	zstdLevel = zstd.SpeedDefault
	gzipLevel = 6
)

// method is a compression with all that its bytes depend on.
type method struct {
	name      string // in the names of files: "gzip-6-v1.18.0"
	mediaType string
	writer    func(io.Writer) (io.WriteCloser, error)
}

// method of a compression; it fails when there is none of that name.
func (c Compression) method() (method, error) {
	switch c {
	case "", Gzip:
		return method{fmt.Sprintf("gzip-%d-%s", gzipLevel, libraryVersion()), ocispec.MediaTypeImageLayerGzip, gzipWriter}, nil
	case Zstd:
		return method{fmt.Sprintf("zstd-%d-%s", zstdLevel, libraryVersion()), ocispec.MediaTypeImageLayerZstd, zstdWriter}, nil
	}
	return method{}, fmt.Errorf("compressing the layers by %q: there is no such compression\nfix: use \"gzip\" or \"zstd\"", string(c))
}

// gzipWriter writes a header without a name, a time or a system.
func gzipWriter(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzipLevel) }

// zstdWriter compresses on one core: nothing may depend on how many there are.
func zstdWriter(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstdLevel), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
}

// libraryVersion is the version of the library that is linked. One that cannot be told has nothing in common with
// others, and a name of its own.
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
