package state

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
)

// Recalled is what is known from the last build with the same key.
type Recalled struct {
	builds    []*Build // of all images, in order; none if nothing is known
	unchanged []bool   // for each image: nothing that it was made from has changed
	layout    bool     // the same programs exist and are compiled in the same way

	// Began is the time to use as the start of the run. It is a moment after the real one if a file was written just before.
	Began time.Time
}

// Recall finds the last build with a key, from a folder, and checks all files that it has read. It starts no program. It may wait
// a moment, so that later changes have later times. noise are folders that mage writes to.
func Recall(dir, key string, began time.Time, noise ...string) Recalled {
	if key == "" || began.IsZero() {
		return Recalled{Began: began}
	}
	builds := buildsOf(dir, key)
	if len(builds) == 0 {
		return Recalled{Began: waitSince(began)}
	}
	var cache record.StatCache
	r := recalled(builds, &cache)
	r.Began = began
	if cache.Settle(began, noise...) {
		now := time.Now()
		r = recalled(builds, &cache)
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
func recalled(builds []*Build, cache *record.StatCache) Recalled {
	r := Recalled{builds: builds}
	for _, b := range r.builds {
		changed := b.Content.Changed(cache)
		same := len(b.Layout.Changed(cache)) == 0 && b.sameLibrary(cache) && !slices.ContainsFunc(changed, b.moved)
		r.layout = same && (r.layout || len(r.unchanged) == 0)
		r.unchanged = append(r.unchanged, same && !b.half && len(changed) == 0 && len(b.Outputs.Changed(cache)) == 0)
	}
	return r
}

// sameLibrary reports whether the standard library is unchanged.
func (b *Build) sameLibrary(cache *record.StatCache) bool {
	changed, err := cache.Changed(b.Library)
	return err == nil && len(changed) == 0
}

// main returns the program with all its sources.
func (b *Build) main() (gobuild.Main, error) {
	library, err := record.Parse(b.Library)
	if err != nil {
		return gobuild.Main{}, err
	}
	main := b.Main
	main.Sources.Library = library.Files()
	return main, nil
}

// buildsOf returns the stored builds with a key, from dist/ in a folder or one above it. It returns none unless there is one for each
// image.
func buildsOf(dir, key string) []*Build {
	for ; ; dir = filepath.Dir(dir) {
		found := map[string]*Build{}
		var set []string
		entries, err := os.ReadDir(filepath.Join(dir, "dist"))
		if err != nil {
			entries = nil // a folder that cannot be read has no stored builds
		}
		for _, e := range entries {
			// A file that cannot be read is ignored: its work is done again.
			d := dist.Of(dir, e.Name())
			if b, err := Read(d.Memory()); err == nil && b.Key == key && b.Folder == e.Name() {
				b.half = fsx.Exists(d.Loading())
				found[b.Folder], set = b, b.Set
			}
		}
		var all []*Build
		for _, folder := range set {
			if b := found[folder]; b != nil && slices.Equal(b.Set, set) {
				all = append(all, b)
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
func (b *Build) moved(path string) bool {
	if filepath.Ext(path) != ".go" || !slices.Contains(b.Main.Sources.Folders, filepath.Dir(path)) {
		return false
	}
	sum, ok := HeaderSum(path)
	return !ok || sum != b.Headers[path]
}

// Platform returns the platform that an image of the last build got from an engine. engine
// is the description of that engine. ok is false if none is known.
func (r Recalled) Platform(engine string) (p platform.Platform, ok bool) {
	if !r.layout {
		return p, false
	}
	i := slices.IndexFunc(r.builds, func(b *Build) bool { return b.From == engine })
	if i < 0 {
		return p, false
	}
	return r.builds[i].Platform, true
}

// Module returns the module of the last build. ok is false if it may have changed.
func (r Recalled) Module() (m gobuild.Module, ok bool) {
	if !r.layout {
		return gobuild.Module{}, false
	}
	return r.builds[0].Module, true
}

// Programs returns the folders of the programs of all images, selected or not. ok is false if they may have changed.
func (r Recalled) Programs() (dirs []string, ok bool) {
	if !r.layout {
		return nil, false
	}
	return r.builds[0].Programs, true
}

// Mains returns the programs of the last build for a Config, by its index, and a platform. ok is
// false if there are none or if they may have changed.
func (r Recalled) Mains(config int, p platform.Platform) (mains []gobuild.Main, ok bool) {
	if !r.layout {
		return nil, false
	}
	for _, b := range r.builds {
		if b.Index != config || b.Platform != p {
			continue
		}
		main, err := b.main()
		if err != nil {
			return nil, false
		}
		mains = append(mains, main)
	}
	return mains, len(mains) > 0
}

// Unchanged returns the images that need not be built again, in the order of the Configs. all reports whether these are all
// images.
func (r Recalled) Unchanged() (list []*Build, all bool) {
	for i, b := range r.builds {
		if r.unchanged[i] {
			list = append(list, b)
		}
	}
	return list, len(list) > 0 && len(list) == len(r.builds)
}
