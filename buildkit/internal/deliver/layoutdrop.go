package deliver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/regular"
)

// maxManifest bounds a manifest, in bytes. Registries have the same limit.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
const maxManifest = 4 << 20

// manifestTypes are the media types of blobs that name other blobs.
var manifestTypes = []string{
	ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex,
	"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.artifact.manifest.v1+json",
}

// errStranger reports an entry of the layout that may name blobs in an unknown way.
var errStranger = errors.New("not a manifest that is known")

// drop removes the blobs of removed entries that no entry in the index needs. If it is unknown which blobs an entry needs,
// it removes none.
func (d *layoutDir) drop(gone []layoutEntry) error {
	if len(gone) == 0 {
		return nil
	}
	kept, old := map[digest.Digest]bool{}, map[digest.Digest]bool{}
	for _, e := range d.index.entries {
		if err := d.reach(e.Descriptor, kept, true); err != nil {
			return nil
		}
	}
	for _, e := range gone {
		if err := d.reach(e.Descriptor, old, false); err != nil {
			return nil
		}
	}
	var errs []error
	for sum := range old {
		if kept[sum] {
			continue
		}
		err := os.Remove(filepath.Join(d.path, filepath.FromSlash(blobPath(sum))))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("removing a blob of the image that was replaced: %w", err))
		}
	}
	return errors.Join(errs...)
}

// reach adds all digests that a descriptor leads to. With strict, the descriptor must have a known media type.
func (d *layoutDir) reach(desc ocispec.Descriptor, into map[digest.Digest]bool, strict bool) error {
	if desc.Digest.Validate() != nil {
		return errStranger
	}
	if into[desc.Digest] {
		return nil
	}
	into[desc.Digest] = true
	if !slices.Contains(manifestTypes, desc.MediaType) {
		if strict {
			return errStranger
		}
		return nil
	}
	text, err := readSmall(filepath.Join(d.path, filepath.FromSlash(blobPath(desc.Digest))), maxManifest)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a layout may lack blobs
	}
	var m struct {
		Manifests, Layers, Blobs []ocispec.Descriptor
		Config, Subject          *ocispec.Descriptor
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return err
	}
	list := slices.Concat(m.Manifests, m.Layers, m.Blobs)
	for _, one := range []*ocispec.Descriptor{m.Config, m.Subject} {
		if one != nil {
			list = append(list, *one)
		}
	}
	for _, next := range list {
		if err := d.reach(next, into, false); err != nil {
			return err
		}
	}
	return nil
}

// readSmall reads a regular file of at most a number of bytes. It refuses other files, such as a FIFO.
func readSmall(path string, most int64) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%q has too many bytes, more than %d\nfix: name another folder", path, most)
	}
	return text, errors.Join(err, f.Close())
}
