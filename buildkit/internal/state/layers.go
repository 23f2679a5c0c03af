package state

import (
	"encoding/json"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
)

// Layers has the known digests and sizes of an image's layers, by a checksum of what they were made from. With them, a system
// layer of hundreds of megabytes is not read again. They are stored in dist/NAME/layers.
type Layers map[string]image.Known

// ReadLayers reads a file of Layers. A file that cannot be read counts as empty.
func ReadLayers(path string) Layers {
	known := Layers{}
	if text, err := record.ReadSealed(path); err == nil && json.Unmarshal([]byte(text), &known) != nil {
		return Layers{}
	}
	return known
}

// Write writes the file, whole or not at all.
func (l Layers) Write(path string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return dist.Replace(path, record.Seal(string(text)))
}
