package deliver

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layoutMark is the annotation of entries in index.json that fromscratch has written.
const layoutMark = "io.github.fromscratch-go.written"

// layoutFile is the index.json of a layout, with everything that other tools have written, even unknown fields.
type layoutFile struct {
	fields  map[string]json.RawMessage
	entries []layoutEntry
}

// layoutEntry is an entry of index.json.
type layoutEntry struct {
	raw json.RawMessage // as in the file; nil for a new entry
	ocispec.Descriptor
}

// maxLayoutFile bounds index.json, in bytes: another tool may have written it.
const maxLayoutFile = 64 << 20

// readLayoutFile reads index.json. A missing file has no entries.
func readLayoutFile(path string) (*layoutFile, error) {
	f := &layoutFile{fields: map[string]json.RawMessage{
		"schemaVersion": json.RawMessage("2"), // the value that the specification fixes
		"mediaType":     json.RawMessage(`"` + ocispec.MediaTypeImageIndex + `"`),
	}}
	text, err := readSmall(path, maxLayoutFile)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	f.fields = nil
	var manifests []json.RawMessage
	err = json.Unmarshal(text, &f.fields)
	if err == nil && f.fields["manifests"] != nil {
		err = json.Unmarshal(f.fields["manifests"], &manifests)
	}
	for _, raw := range manifests {
		e := layoutEntry{raw: raw}
		if err == nil {
			err = json.Unmarshal(raw, &e.Descriptor)
		}
		f.entries = append(f.entries, e)
	}
	if err != nil || f.fields == nil {
		return nil, fmt.Errorf("reading its index.json: %w\nfix: repair the layout, or name another folder", errors.Join(err, errNoObject(f.fields)))
	}
	return f, nil
}

// errNoObject returns the error for a file with null.
func errNoObject(fields map[string]json.RawMessage) error {
	if fields == nil {
		return errors.New("it is not a JSON object")
	}
	return nil
}

// enter adds root with its names, or without a name. With alone, it removes all other entries of fromscratch. It returns
// the removed entries of fromscratch.
func (f *layoutFile) enter(root ocispec.Descriptor, names []name, alone bool) (gone []layoutEntry) {
	var ours []layoutEntry
	for _, n := range names {
		e := layoutEntry{Descriptor: root}
		e.Annotations = map[string]string{ocispec.AnnotationRefName: n.familiar, containerdName: n.full, layoutMark: "true"}
		ours = append(ours, e)
	}
	if len(names) == 0 {
		e := layoutEntry{Descriptor: root}
		e.Annotations = map[string]string{layoutMark: "true"}
		ours = append(ours, e)
	}
	place := len(f.entries)
	var kept []layoutEntry
	for i, e := range f.entries {
		if !slices.ContainsFunc(ours, e.replacedBy) && !(alone && e.ours()) {
			kept = append(kept, e)
			continue
		}
		// The new entries go to the place of the first old one, so that the same image again changes no byte.
		place = min(place, i)
		if e.ours() {
			gone = append(gone, e)
		}
	}
	place = min(place, len(kept))
	f.entries = slices.Concat(kept[:place], ours, kept[place:])
	f.order()
	return gone
}

// ours reports whether fromscratch has written the entry.
func (e layoutEntry) ours() bool { return e.Annotations[layoutMark] == "true" }

// order sorts the entries of fromscratch by their names, as images that are built in parallel are written in any order.
// Entries of other tools stay where they are.
func (f *layoutFile) order() {
	var places []int
	var ours []layoutEntry
	for i, e := range f.entries {
		if e.ours() {
			places, ours = append(places, i), append(ours, e)
		}
	}
	slices.SortStableFunc(ours, func(a, b layoutEntry) int {
		return strings.Compare(a.Annotations[containerdName], b.Annotations[containerdName])
	})
	for i, e := range ours {
		f.entries[places[i]] = e
	}
}

// replacedBy reports whether a new entry replaces e: both have the same name, or both have none and the same digest.
func (e layoutEntry) replacedBy(our layoutEntry) bool {
	name, ourName := e.Annotations[ocispec.AnnotationRefName], our.Annotations[ocispec.AnnotationRefName]
	if ourName == "" {
		return name == "" && e.Digest == our.Digest
	}
	return name == ourName || e.Annotations[containerdName] == our.Annotations[containerdName]
}

// bytes returns the content of the file.
func (f *layoutFile) bytes() ([]byte, error) {
	manifests := []json.RawMessage{}
	for _, e := range f.entries {
		raw := e.raw
		if raw == nil {
			var err error
			if raw, err = json.Marshal(e.Descriptor); err != nil {
				return nil, fmt.Errorf("encoding index.json: %w", err)
			}
		}
		manifests = append(manifests, raw)
	}
	list, err := json.Marshal(manifests)
	if err != nil {
		return nil, fmt.Errorf("encoding index.json: %w", err)
	}
	f.fields["manifests"] = list
	text, err := json.Marshal(f.fields)
	if err != nil {
		return nil, fmt.Errorf("encoding index.json: %w", err)
	}
	return text, nil
}

// checkVersion refuses a layout of an unknown version.
func checkVersion(text []byte) error {
	var layout ocispec.ImageLayout
	if err := json.Unmarshal(text, &layout); err != nil {
		return fmt.Errorf("reading its %s: %w\nfix: repair the layout, or name another folder", ocispec.ImageLayoutFile, err)
	}
	if layout.Version != ocispec.ImageLayoutVersion {
		return fmt.Errorf("it is a layout of version %q, and only %s is supported\nfix: name another folder", layout.Version, ocispec.ImageLayoutVersion)
	}
	return nil
}

// LayoutHolds reports whether a folder is an OCI layout whose index.json has an entry for the manifest or index.
func LayoutHolds(dir string, d digest.Digest) bool {
	f, err := readLayoutFile(filepath.Join(dir, ocispec.ImageIndexFile))
	return err == nil && slices.ContainsFunc(f.entries, func(e layoutEntry) bool { return e.Digest == d })
}
