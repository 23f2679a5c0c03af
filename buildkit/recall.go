package buildkit

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// Recalled is what is known of the last build of the same Inputs.
type Recalled struct {
	memories []*memory // of all images, in order; none when nothing is known
	standing []bool    // of each: nothing that it was made from has changed
	layout   bool      // the same programs are there, and are compiled in the same way

	// Began is for [Inputs], in the place of what it was: where a file was written just
	// before, it is a moment later.
	Began time.Time
}

// Recall looks for the last build of these Inputs, and at all that it has read. It
// starts no other program. It may wait a moment, so that the next build can be told
// from this one.
func Recall(in Inputs) Recalled {
	key := in.key()
	if key == "" || in.Began.IsZero() {
		return Recalled{Began: in.Began}
	}
	memories := memoriesOf(in.Dir, key)
	if len(memories) == 0 {
		return Recalled{Began: settledBy(in.Began)}
	}
	var eyes record.Look
	r := recalled(memories, &eyes)
	r.Began = in.Began
	// mage has written in these two.
	if eyes.Settle(in.Began, in.Dir, filepath.Join(in.Dir, "magefiles")) {
		began := time.Now()
		r = recalled(memories, &eyes)
		r.Began = began
	}
	return r
}

// settledBy is a moment at which all that was written before a build began is old
// enough: what it is going to read is not known yet.
func settledBy(began time.Time) time.Time {
	time.Sleep(record.Granularity - time.Since(began))
	return time.Now()
}

// recalled looks at what the builds have read.
func recalled(memories []*memory, eyes *record.Look) Recalled {
	r := Recalled{memories: memories}
	for _, m := range r.memories {
		changed := m.content.Changed(eyes)
		same := len(m.layout.Changed(eyes)) == 0 && m.sameLibrary(eyes) && !slices.ContainsFunc(changed, m.moved)
		r.layout = same && (r.layout || len(r.standing) == 0)
		r.standing = append(r.standing, same && !m.half && len(changed) == 0 && len(m.outputs.Changed(eyes)) == 0)
	}
	return r
}

// sameLibrary reports whether the standard library is as it was.
func (m *memory) sameLibrary(eyes *record.Look) bool {
	changed, err := eyes.Changed(m.library)
	return err == nil && len(changed) == 0
}

// main is the program with its sources.
func (m *memory) main() (gobuild.Main, error) {
	library, err := record.Parse(m.library)
	if err != nil {
		return gobuild.Main{}, err
	}
	main := m.Main
	main.Sources.Library = library.Files()
	return main, nil
}

// memoriesOf finds the memories of a key, in dist/ of a folder or of one above. None
// are returned unless there is one of each image.
func memoriesOf(dir, key string) []*memory {
	for ; ; dir = filepath.Dir(dir) {
		found := map[string]*memory{}
		var set []string
		entries, err := os.ReadDir(filepath.Join(dir, "dist"))
		if err != nil {
			entries = nil // no folder, or none to look into: nothing is known
		}
		for _, e := range entries {
			// A memory that cannot be read is none: what it could save is done again.
			d := Dist(filepath.Join(dir, "dist", e.Name()))
			if m, err := readMemory(d.Memory()); err == nil && m.Key == key && m.Folder == e.Name() {
				m.half = fsx.Exists(d.Loading())
				found[m.Folder], set = m, m.Set
			}
		}
		var all []*memory
		for _, folder := range set {
			if m := found[folder]; m != nil && slices.Equal(m.Set, set) {
				all = append(all, m)
			}
		}
		if len(set) > 0 && len(all) == len(set) {
			return all
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// moved tells whether the change of a file may change what go list says: that of a
// Go file whose header is another one.
func (m *memory) moved(path string) bool {
	if filepath.Ext(path) != ".go" || !slices.Contains(m.Main.Sources.Folders, filepath.Dir(path)) {
		return false
	}
	sum, ok := headerSum(path)
	return !ok || sum != m.Headers[path]
}

// Platform is the one that an image of the last build has got from an engine, by the
// words that name it; ok is false when none is known.
func (r Recalled) Platform(engine string) (p Platform, ok bool) {
	if !r.layout {
		return p, false
	}
	i := slices.IndexFunc(r.memories, func(m *memory) bool { return m.From == engine })
	if i < 0 {
		return p, false
	}
	return r.memories[i].Platform, true
}

// module is the module of the last build; ok is false when it may be another now.
func (r Recalled) module() (m gobuild.Module, ok bool) {
	if !r.layout {
		return gobuild.Module{}, false
	}
	return r.memories[0].Module, true
}

// mains are the programs of the last build that a Config, by its index, was about,
// and that are built; ok is false when they may be others now, as on another
// platform.
func (r Recalled) mains(config int, p Platform) (mains []gobuild.Main, ok bool) {
	if !r.layout {
		return nil, false
	}
	for _, m := range r.memories {
		if m.Index != config || m.Platform != p {
			continue
		}
		main, err := m.main()
		if err != nil {
			return nil, false
		}
		mains = append(mains, main)
	}
	return mains, len(mains) > 0
}

// Standing returns the images that would be the same if they were built again, in
// the order of the Configs; all says that these are all images.
func (r Recalled) Standing() (list []Deliverable, all bool) {
	for i, m := range r.memories {
		if r.standing[i] {
			list = append(list, Deliverable{m.Name, m.Reference, m.Config, m.IDs, m.Base})
		}
	}
	return list, len(list) > 0 && len(list) == len(r.memories)
}
