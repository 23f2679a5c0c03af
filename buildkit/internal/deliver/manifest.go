package deliver

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxIndex bounds the index of an archive, in bytes. Archives of fromscratch have one manifest.
const maxIndex = 1 << 20

// ArchiveHolds reports whether an archive has a manifest, alone or among those of other platforms. It only looks at the
// names of the files.
func ArchiveHolds(path string, d digest.Digest) (holds bool) {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() // nothing was written
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if err != nil || h.Name == blobPath(d) {
			return err == nil
		}
	}
}

// LayoutHas reports whether an OCI layout has a blob, such as the configuration of an image.
func LayoutHas(dir string, d digest.Digest) bool {
	_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(blobPath(d))))
	return err == nil
}

// ManifestDigest returns the digest of the first manifest in an archive's index. It reads only up to the index, and fails if
// there is none or it is empty.
func ManifestDigest(path string) (d digest.Digest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if err != nil {
			return "", fmt.Errorf("looking for the index of %q: %w", path, err)
		}
		if h.Name != ocispec.ImageIndexFile {
			continue
		}
		var index ocispec.Index
		if err := json.NewDecoder(io.LimitReader(tr, maxIndex)).Decode(&index); err != nil {
			return "", fmt.Errorf("reading the index of %q: %w", path, err)
		}
		if len(index.Manifests) == 0 {
			return "", fmt.Errorf("reading the index of %q: it names no image", path)
		}
		return index.Manifests[0].Digest, nil
	}
}
