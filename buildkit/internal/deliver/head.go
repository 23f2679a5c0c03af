package deliver

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Head returns the first bytes of every archive, whatever its image: the file that marks an OCI layout.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md#oci-layout-file
func Head() ([]byte, error) {
	content, err := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return nil, err
	}
	var head bytes.Buffer
	tw := tar.NewWriter(&head)
	// Flush writes the file's padding; Close would end the archive.
	err = errors.Join(writeDocuments(context.Background(), tw, []document{{ocispec.ImageLayoutFile, content}}), tw.Flush())
	return head.Bytes(), err
}
