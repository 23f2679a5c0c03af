// Package state keeps what a build has read and made, and knows at the next one whether anything has changed.
package state

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/base"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// Memory is what a build keeps in dist/NAME/memory, so that the next one does nothing twice. It is worthless if what the build
// has read has changed, and safe to remove.
type Memory struct {
	Key       string   // see [Key]
	Set       []string // folders in dist/ of all images of the run, in order
	Folder    string   // of this one
	Name      string
	Reference string
	IDs       []string     // what engines may call the image
	Config    image.Config // how it is run

	Platform platform.Platform // that was asked for; the Config may have a variant of the base's
	From     string            // who chose it
	Index    int               // of the Config
	Module   gobuild.Module    // as the go command told
	Main     gobuild.Main
	Base     *Base             // nil is scratch
	Headers  map[string]string // checksums of what the go command's listing depends on, by Go file

	Layout  *record.Snapshot `json:"-"` // decides which programs there are and how they are compiled
	Content *record.Snapshot `json:"-"` // decides what is in them, and in the image
	Outputs *record.Snapshot `json:"-"` // what the build has written
	Library string           `json:"-"` // a snapshot as text, of the standard library: it is the same for many programs

	half bool // an engine may have half of the image, see [dist.Folder.Loading]
}

// Write writes the memory, whole or not at all: a line of JSON, then the four
// snapshots with an empty line before each.
func (m *Memory) Write(path string) error {
	head, err := json.Marshal(m)
	if err != nil {
		return err
	}
	parts := []string{string(head)}
	for _, s := range []*record.Snapshot{m.Layout, m.Content, m.Outputs} {
		parts = append(parts, strings.TrimSuffix(s.String(), "\n"))
	}
	parts = append(parts, strings.TrimSuffix(m.Library, "\n"))
	return dist.Replace(path, record.Seal(strings.Join(parts, "\n\n")))
}

// Read reads what [Memory.Write] has written. Anything else is an error.
func Read(path string) (*Memory, error) {
	text, err := record.ReadSealed(path)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(text, "\n\n")
	if len(parts) != 5 {
		return nil, fmt.Errorf("reading %q: it is not whole", path)
	}
	m := &Memory{Library: parts[4]}
	if err := json.Unmarshal([]byte(parts[0]), m); err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	for i, s := range []**record.Snapshot{&m.Layout, &m.Content, &m.Outputs} {
		if *s, err = record.Parse(parts[i+1]); err != nil {
			return nil, fmt.Errorf("reading %q: %w", path, err)
		}
	}
	return m, nil
}

// Base is what is kept of a base, for the next run to see whether its name means another image now.
type Base struct {
	Request base.Request
	ID      string
}
