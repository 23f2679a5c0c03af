package state

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// Recalled is what is known of the last build that was told the same.
type Recalled struct {
	memories []*Memory // of all images, in order; none when nothing is known
	standing []bool    // of each: nothing that it was made from has changed
	layout   bool      // the same programs are there, and are compiled in the same way

	// Began is the beginning of the run, for all that comes: where a file was written just before, it is a moment later than it
	// was.
	Began time.Time
}

// Recall looks for the last build of a key, from a folder, and at all that it has read. It starts no other program. It may wait
// a moment, so that the next build can be told from this one. mage writes in the folders noise.
func Recall(dir, key string, began time.Time, noise ...string) Recalled {
	if key == "" || began.IsZero() {
		return Recalled{Began: began}
	}
	memories := memoriesOf(dir, key)
	if len(memories) == 0 {
		return Recalled{Began: settledBy(began)}
	}
	var look record.Look
	r := recalled(memories, &look)
	r.Began = began
	if look.Settle(began, noise...) {
		now := time.Now()
		r = recalled(memories, &look)
		r.Began = now
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
func recalled(memories []*Memory, look *record.Look) Recalled {
	r := Recalled{memories: memories}
	for _, m := range r.memories {
		changed := m.Content.Changed(look)
		same := len(m.Layout.Changed(look)) == 0 && m.sameLibrary(look) && !slices.ContainsFunc(changed, m.moved)
		r.layout = same && (r.layout || len(r.standing) == 0)
		r.standing = append(r.standing, same && !m.half && len(changed) == 0 && len(m.Outputs.Changed(look)) == 0)
	}
	return r
}

// sameLibrary reports whether the standard library is as it was.
func (m *Memory) sameLibrary(look *record.Look) bool {
	changed, err := look.Changed(m.Library)
	return err == nil && len(changed) == 0
}

// main is the program with its sources.
func (m *Memory) main() (gobuild.Main, error) {
	library, err := record.Parse(m.Library)
	if err != nil {
		return gobuild.Main{}, err
	}
	main := m.Main
	main.Sources.Library = library.Files()
	return main, nil
}

// memoriesOf finds the memories of a key, in dist/ of a folder or of one above. None
// are returned unless there is one of each image.
func memoriesOf(dir, key string) []*Memory {
	for ; ; dir = filepath.Dir(dir) {
		found := map[string]*Memory{}
		var set []string
		entries, err := os.ReadDir(filepath.Join(dir, "dist"))
		if err != nil {
			entries = nil // no folder, or none to look into: nothing is known
		}
		for _, e := range entries {
			// A memory that cannot be read is none: what it could save is done again.
			d := dist.Of(dir, e.Name())
			if m, err := Read(d.Memory()); err == nil && m.Key == key && m.Folder == e.Name() {
				m.half = fsx.Exists(d.Loading())
				found[m.Folder], set = m, m.Set
			}
		}
		var all []*Memory
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
func (m *Memory) moved(path string) bool {
	if filepath.Ext(path) != ".go" || !slices.Contains(m.Main.Sources.Folders, filepath.Dir(path)) {
		return false
	}
	sum, ok := HeaderSum(path)
	return !ok || sum != m.Headers[path]
}

// Platform is the one that an image of the last build has got from an engine, by the
// words that name it; ok is false when none is known.
func (r Recalled) Platform(engine string) (p platform.Platform, ok bool) {
	if !r.layout {
		return p, false
	}
	i := slices.IndexFunc(r.memories, func(m *Memory) bool { return m.From == engine })
	if i < 0 {
		return p, false
	}
	return r.memories[i].Platform, true
}

// Module is the module of the last build; ok is false when it may be another now.
func (r Recalled) Module() (m gobuild.Module, ok bool) {
	if !r.layout {
		return gobuild.Module{}, false
	}
	return r.memories[0].Module, true
}

// Mains are the programs of the last build that a Config, by its index, was about,
// and that are built; ok is false when they may be others now, as on another
// platform.
func (r Recalled) Mains(config int, p platform.Platform) (mains []gobuild.Main, ok bool) {
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

// Standing returns the images that would be the same if they were built again, in the order of the Configs; all reports whether
// these are all images.
func (r Recalled) Standing() (list []*Memory, all bool) {
	for i, m := range r.memories {
		if r.standing[i] {
			list = append(list, m)
		}
	}
	return list, len(list) > 0 && len(list) == len(r.memories)
}
