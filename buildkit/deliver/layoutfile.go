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

// layoutMark is an annotation of the entries in index.json that we have written.
const layoutMark = "io.github.fromscratch-go.written"

// layoutFile is index.json of a layout, with all that others have written in it, known to us or not.
type layoutFile struct {
	fields  map[string]json.RawMessage
	entries []layoutEntry
}

// layoutEntry is one line of the table of contents.
type layoutEntry struct {
	raw json.RawMessage // as it stands in the file
	ocispec.Descriptor
}

// maxLayoutFile bounds index.json, in bytes: others may have written it.
const maxLayoutFile = 64 << 20

// readLayoutFile reads index.json; one that is not there has no entries.
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

// errNoObject is the error of a file that says null.
func errNoObject(fields map[string]json.RawMessage) error {
	if fields == nil {
		return errors.New("it is not a JSON object")
	}
	return nil
}

// enter gives the names to root, or adds it without a name; alone takes all others of ours out. It returns the entries
// of ours that are gone.
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
		// The new entries stand where the first of the old ones did: a run that changes nothing changes no byte.
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

// ours tells whether we have written the entry.
func (e layoutEntry) ours() bool { return e.Annotations[layoutMark] == "true" }

// order sorts our entries by their names: images that are written side by side come in any order. Those of others stay
// where they are.
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

// replacedBy tells whether our entry takes the place of e: it has its name, or both have none and are one image.
func (e layoutEntry) replacedBy(our layoutEntry) bool {
	name, ourName := e.Annotations[ocispec.AnnotationRefName], our.Annotations[ocispec.AnnotationRefName]
	if ourName == "" {
		return name == "" && e.Digest == our.Digest
	}
	return name == ourName || e.Annotations[containerdName] == our.Annotations[containerdName]
}

// bytes is the file as it is written.
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

// checkVersion refuses a layout of a specification that we do not know.
func checkVersion(text []byte) error {
	var layout ocispec.ImageLayout
	if err := json.Unmarshal(text, &layout); err != nil {
		return fmt.Errorf("reading its %s: %w\nfix: repair the layout, or name another folder", ocispec.ImageLayoutFile, err)
	}
	if layout.Version != ocispec.ImageLayoutVersion {
		return fmt.Errorf("it is a layout of the version %q, and only %s is known\nfix: name another folder", layout.Version, ocispec.ImageLayoutVersion)
	}
	return nil
}

// LayoutHolds tells whether a folder is an OCI layout with a name, or an entry without one, for the manifest or index.
func LayoutHolds(dir string, d digest.Digest) bool {
	f, err := readLayoutFile(filepath.Join(dir, ocispec.ImageIndexFile))
	return err == nil && slices.ContainsFunc(f.entries, func(e layoutEntry) bool { return e.Digest == d })
}
