// Package document has the JSON document that a target prints with IMAGE_FORMAT=json. docs/json.md describes it, and
// docs/json.schema.json is its schema.
package document

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Document is what a target says. Lists are empty, never null. Its methods may be used concurrently.
type Document struct {
	Schema    int        `json:"schema"`    // version of this format: 1; a new one only if a field goes or changes
	Target    string     `json:"target"`    // "image", "imagePush" …
	Seconds   float64    `json:"seconds"`   // that the target took
	Images    []Image    `json:"images"`    // in the order of the Configs, one for each platform
	Paths     []string   `json:"paths"`     // what the target wrote for all images together, or removed
	Manifests []Manifest `json:"manifests"` // of imageResolve and imageApply
	Notes     []Note     `json:"notes"`     // that are not about one image
	ExitCode  int        `json:"exitCode"`  // of the target
	Error     *Error     `json:"error"`     // null after success

	mu    sync.Mutex
	notes map[string][]Note // by the label of the image
	steps map[string][]Step
}

// Image is one image for one platform.
type Image struct {
	Name       string                `json:"name"`
	Platform   string                `json:"platform"`       // "linux/arm64"; "" if that was not asked for
	Reference  string                `json:"reference"`      // that an engine knows the image by
	References []string              `json:"references"`     // all, in archives, layouts and registries
	Digest     string                `json:"digest"`         // of the configuration: the ID in an engine with a graph driver; "" if it was not made
	Size       int64                 `json:"size"`           // of all layers, uncompressed, in bytes
	Base       string                `json:"base,omitempty"` // by its name in the Config
	Layers     []Layer               `json:"layers"`         // the lowest first
	Unchanged  bool                  `json:"unchanged"`      // nothing was built and nothing sent
	Paths      []string              `json:"paths"`          // what was written for the image: an archive, documents, a Dockerfile
	Pushed     []string              `json:"pushed"`         // references with the digest in the registry
	Files      []buildkit.EntryFacts `json:"files"`          // of imageExplain
	Values     []Value               `json:"values"`         // of imagePlan
	Checks     []buildkit.Verdict    `json:"checks"`         // of imageCheck
	Candidates []buildkit.Candidate  `json:"candidates"`     // libraries that the program may open, and that are not there
	Steps      []Step                `json:"steps"`
	Notes      []Note                `json:"notes"`
}

// Layer is a layer of an image.
type Layer struct {
	DiffID string `json:"diffID"`
	What   string `json:"what"`
	Size   int64  `json:"size"` // bytes, uncompressed
}

// Value is a value of a plan, and who decided it.
type Value struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Step is a step of a build.
type Step struct {
	Step    string  `json:"step"`
	Result  string  `json:"result"`
	Seconds float64 `json:"seconds"`
	Failed  bool    `json:"failed"`
}

// Manifest is a file with manifests, with references in the places of images.
type Manifest struct {
	Path string `json:"path"` // "-" is standard input
	Text string `json:"text"`
}

// Note is what a person should know.
type Note struct {
	Step string `json:"step"`
	Text string `json:"text"`
}

// Error is why a target failed.
type Error struct {
	Text string `json:"text"`
	Fix  string `json:"fix"` // "" if the text says it all
}

// New returns the document of a target.
func New(target string) *Document {
	return &Document{Schema: 1, Target: target, notes: map[string][]Note{}, steps: map[string][]Step{}}
}

// Report takes the events of a build.
func (d *Document) Report(e buildkit.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.State {
	case buildkit.Note:
		d.notes[e.Image] = append(d.notes[e.Image], Note{e.Step, e.Text})
	case buildkit.Done, buildkit.Failed:
		d.steps[e.Image] = append(d.steps[e.Image], Step{e.Step, e.Text, seconds(e.Took), e.State == buildkit.Failed})
	}
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// Add adds images.
func (d *Document) Add(images ...Image) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Images = append(d.Images, images...)
}

// AddPath adds a path that is not of one image.
func (d *Document) AddPath(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Paths = append(d.Paths, path)
}

// AddManifest adds a file with manifests.
func (d *Document) AddManifest(m Manifest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Manifests = append(d.Manifests, m)
}

// End completes the document. text is the error, "" after success; its last line may be a fix.
func (d *Document) End(text string, code int, took time.Duration) *Document {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ExitCode, d.Seconds = code, seconds(took)
	if text != "" {
		d.Error = &Error{Text: text}
		if before, fix, ok := strings.Cut(text, "\nfix: "); ok {
			d.Error = &Error{before, fix}
		}
	}
	for i := range d.Images {
		d.Images[i].complete(d)
	}
	// What failed before there was an image.
	for _, label := range slices.Sorted(maps.Keys(d.steps)) {
		for _, s := range d.steps[label] {
			d.Notes = append(d.Notes, Note{s.Step, strings.TrimSpace(label + ": " + s.Result)})
		}
	}
	for _, label := range slices.Sorted(maps.Keys(d.notes)) {
		for _, n := range d.notes[label] {
			d.Notes = append(d.Notes, Note{n.Step, label + ": " + n.Text})
		}
	}
	d.Images, d.Paths, d.Manifests, d.Notes = list(d.Images), list(d.Paths), list(d.Manifests), list(d.Notes)
	return d
}

// complete gives the image the notes and steps that were reported for it.
func (i *Image) complete(d *Document) {
	for _, label := range []string{i.Name + " " + i.Platform, i.Name} {
		i.Steps, i.Notes = append(i.Steps, d.steps[label]...), append(i.Notes, d.notes[label]...)
		delete(d.steps, label)
		delete(d.notes, label)
	}
	i.References, i.Layers, i.Paths, i.Pushed = list(i.References), list(i.Layers), list(i.Paths), list(i.Pushed)
	i.Files, i.Values, i.Candidates, i.Steps, i.Notes = list(i.Files), list(i.Values), list(i.Candidates), list(i.Steps), list(i.Notes)
	i.Checks = list(i.Checks)
	if len(i.References) == 0 && i.Reference != "" {
		i.References = []string{i.Reference}
	}
}

// list returns an empty list for nil, which JSON would write as null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// Of returns what is known of a built image.
func Of(b *buildkit.Result) Image {
	x := b.Explain()
	i := Image{
		Name: x.Image, Platform: x.Platform, Reference: x.Reference, References: b.Plan.References(), Size: x.Size, Base: x.Base,
		Digest: b.Image.ConfigDigest.String(), Candidates: x.Candidates,
	}
	for _, l := range x.Layers {
		i.Layers = append(i.Layers, Layer(l))
	}
	return i
}

// OfPlan returns what is known of an image that is not built.
func OfPlan(p buildkit.Plan, values []buildkit.Value, candidates []buildkit.Candidate) Image {
	i := Image{Name: p.Name, Platform: p.Platform.String(), Reference: p.Reference, References: p.References(), Base: p.BaseName, Candidates: candidates}
	for _, v := range values {
		i.Values = append(i.Values, Value{v.Name, plaintext.HideLogins(v.Value), v.Origin})
	}
	return i
}
