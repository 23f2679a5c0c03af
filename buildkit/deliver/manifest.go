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

// maxIndex bounds the index that is read of an archive, in bytes; ours have one manifest.
const maxIndex = 1 << 20

// ArchiveHolds tells whether an archive has the manifest of an image, alone or among those of other platforms. It reads
// the names of the files in it.
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

// LayoutHas tells whether an OCI layout has a blob, such as the configuration of an image, whatever its manifest.
func LayoutHas(dir string, d digest.Digest) bool {
	_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(blobPath(d))))
	return err == nil
}

// ManifestDigest reads which image an archive holds, by the digest of its manifest. It reads no further than the
// archive's index, and fails when there is none that names one image.
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
