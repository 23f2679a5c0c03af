// Package state stores what a build has read and written. The next build asks it whether anything has changed.
package state

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
)

// Build is what a build stores in dist/NAME/memory, so that the next build can skip finished work. It is useless after
// a change of a file that the build has read. It is safe to remove.
type Build struct {
	Key       string   // see [Key]
	Set       []string // folders in dist/ of all images of the run, in order
	Folder    string   // folder of this image
	Name      string
	Reference string
	IDs       []string     // possible IDs of the image in engines
	Config    image.Config // how it is run

	Capabilities []string `json:",omitempty"` // that its files have

	Platform platform.Platform // the requested one; the Config may have the base's variant
	From     string            // the setting that chose Platform
	Index    int               // of the Config
	Module   gobuild.Module    // from the go command
	Main     gobuild.Main
	Base     *Base             // nil for scratch
	Headers  map[string]string // [HeaderSum] by Go file
	Programs []string          // folders of the programs of all images, see [plan.Run]

	Layout  *record.Snapshot `json:"-"` // files that decide which programs exist and how they are compiled
	Content *record.Snapshot `json:"-"` // files that decide what is in the programs and the image
	Outputs *record.Snapshot `json:"-"` // files that the build has written
	Library string           `json:"-"` // snapshot of the standard library, as text; many programs have the same

	half bool // an engine may have an incomplete image, see [dist.Folder.Loading]
}

// Write writes the file, whole or not at all: a line of JSON, then the four
// snapshots with an empty line before each.
func (b *Build) Write(path string) error {
	head, err := json.Marshal(b)
	if err != nil {
		return err
	}
	parts := []string{string(head)}
	for _, s := range []*record.Snapshot{b.Layout, b.Content, b.Outputs} {
		parts = append(parts, strings.TrimSuffix(s.String(), "\n"))
	}
	parts = append(parts, strings.TrimSuffix(b.Library, "\n"))
	return dist.Replace(path, record.Seal(strings.Join(parts, "\n\n")))
}

// Read reads a file of [Build.Write]. Any other file is an error.
func Read(path string) (*Build, error) {
	text, err := record.ReadSealed(path)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(text, "\n\n")
	if len(parts) != 5 {
		return nil, fmt.Errorf("reading %q: it is incomplete", path)
	}
	b := &Build{Library: parts[4]}
	if err := json.Unmarshal([]byte(parts[0]), b); err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	for i, s := range []**record.Snapshot{&b.Layout, &b.Content, &b.Outputs} {
		if *s, err = record.Parse(parts[i+1]); err != nil {
			return nil, fmt.Errorf("reading %q: %w", path, err)
		}
	}
	return b, nil
}

// BaseOf returns the Base of an image that was put on b; nil for scratch.
func BaseOf(r base.Request, b *base.Base) *Base {
	if b == nil {
		return nil
	}
	return &Base{Request: r, ID: b.ID}
}

// Base identifies a base, so that the next run can check whether its name means another image now.
type Base struct {
	Request base.Request
	ID      string
}
