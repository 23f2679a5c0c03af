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

// Recalled is what is known from the last build with the same key.
type Recalled struct {
	memories  []*Memory // of all images, in order; none if nothing is known
	unchanged []bool    // for each image: nothing that it was made from has changed
	layout    bool      // the same programs exist and are compiled in the same way

	// Began is the time to use as the start of the run. It is a moment after the real one if a file was written just before.
	Began time.Time
}

// Recall finds the last build with a key, from a folder, and checks all files that it has read. It starts no program. It may wait
// a moment, so that later changes have later times. noise are folders that mage writes to.
func Recall(dir, key string, began time.Time, noise ...string) Recalled {
	if key == "" || began.IsZero() {
		return Recalled{Began: began}
	}
	memories := memoriesOf(dir, key)
	if len(memories) == 0 {
		return Recalled{Began: waitSince(began)}
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

// waitSince waits until every file that was written before began is old enough, and returns
// the time. It is used if it is unknown which files the build will read.
func waitSince(began time.Time) time.Time {
	time.Sleep(record.Granularity - time.Since(began))
	return time.Now()
}

// recalled checks the files that the builds have read.
func recalled(memories []*Memory, look *record.Look) Recalled {
	r := Recalled{memories: memories}
	for _, m := range r.memories {
		changed := m.Content.Changed(look)
		same := len(m.Layout.Changed(look)) == 0 && m.sameLibrary(look) && !slices.ContainsFunc(changed, m.moved)
		r.layout = same && (r.layout || len(r.unchanged) == 0)
		r.unchanged = append(r.unchanged, same && !m.half && len(changed) == 0 && len(m.Outputs.Changed(look)) == 0)
	}
	return r
}

// sameLibrary reports whether the standard library is unchanged.
func (m *Memory) sameLibrary(look *record.Look) bool {
	changed, err := look.Changed(m.Library)
	return err == nil && len(changed) == 0
}

// main returns the program with all its sources.
func (m *Memory) main() (gobuild.Main, error) {
	library, err := record.Parse(m.Library)
	if err != nil {
		return gobuild.Main{}, err
	}
	main := m.Main
	main.Sources.Library = library.Files()
	return main, nil
}

// memoriesOf returns the memories with a key, from dist/ in a folder or one above it. It returns
// none unless there is one for each image.
func memoriesOf(dir, key string) []*Memory {
	for ; ; dir = filepath.Dir(dir) {
		found := map[string]*Memory{}
		var set []string
		entries, err := os.ReadDir(filepath.Join(dir, "dist"))
		if err != nil {
			entries = nil // a folder that cannot be read has no memories
		}
		for _, e := range entries {
			// A memory that cannot be read is ignored: its work is done again.
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

// moved reports whether a changed file may change the output of go list: a Go file
// with another [HeaderSum].
func (m *Memory) moved(path string) bool {
	if filepath.Ext(path) != ".go" || !slices.Contains(m.Main.Sources.Folders, filepath.Dir(path)) {
		return false
	}
	sum, ok := HeaderSum(path)
	return !ok || sum != m.Headers[path]
}

// Platform returns the platform that an image of the last build got from an engine. engine
// is the description of that engine. ok is false if none is known.
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

// Module returns the module of the last build. ok is false if it may have changed.
func (r Recalled) Module() (m gobuild.Module, ok bool) {
	if !r.layout {
		return gobuild.Module{}, false
	}
	return r.memories[0].Module, true
}

// Programs returns the folders of the programs of all images, selected or not. ok is false if they may have changed.
func (r Recalled) Programs() (dirs []string, ok bool) {
	if !r.layout {
		return nil, false
	}
	return r.memories[0].Programs, true
}

// Mains returns the programs of the last build for a Config, by its index, and a platform. ok is
// false if there are none or if they may have changed.
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

// Standing returns the images that need not be built again, in the order of the Configs. all reports whether these are all
// images.
func (r Recalled) Standing() (list []*Memory, all bool) {
	for i, m := range r.memories {
		if r.unchanged[i] {
			list = append(list, m)
		}
	}
	return list, len(list) > 0 && len(list) == len(r.memories)
}
