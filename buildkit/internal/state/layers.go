package state

import (
	"encoding/json"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// Layers are what the layers of an image were found to be, by a checksum of what they were made from: a system layer of hundreds
// of megabytes is not read again. They are kept in dist/NAME/layers.
type Layers map[string]image.Known

// ReadLayers reads what is known; what cannot be read is not known.
func ReadLayers(path string) Layers {
	known := Layers{}
	if text, err := record.ReadSealed(path); err == nil && json.Unmarshal([]byte(text), &known) != nil {
		return Layers{}
	}
	return known
}

// Write writes what is known, whole or not at all.
func (l Layers) Write(path string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return dist.Replace(path, record.Seal(string(text)))
}
