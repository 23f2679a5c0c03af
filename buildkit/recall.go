package buildkit

import (
	"path/filepath"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
)

// Recalled is what is known of the last build of the same Inputs.
type Recalled struct{ state.Recalled }

// Recall looks for the last build of these Inputs, and at all that it has read. It starts no other program. It may wait a moment,
// so that the next build can be told from this one.
func Recall(in Inputs) Recalled {
	// mage has written in these two.
	return Recalled{state.Recall(in.Dir, in.key(), in.Began, in.Dir, filepath.Join(in.Dir, "magefiles"))}
}

// key is that of the memory of these Inputs, see [state.Key]; "" keeps none.
func (in Inputs) key() string {
	if !in.knowsBuilders() {
		return ""
	}
	return state.Key(state.Told{Dir: in.Dir, Configs: in.Configs, Environ: in.Environ, Choose: in.Choose != nil && in.several(), Builders: in.builderIDs})
}

// several says that there may be an image with more than one platform.
func (in Inputs) several() bool {
	return len(split(in.getenv("IMAGE_PLATFORM"))) > 1 || slices.ContainsFunc(in.Configs, func(c Config) bool { return len(c.Platforms) > 1 })
}

// Standing returns the images that would be the same if they were built again, in the order of the Configs; all says that these
// are all images.
func (r Recalled) Standing() (list []Deliverable, all bool) {
	memories, all := r.Recalled.Standing()
	for _, m := range memories {
		list = append(list, Deliverable{m.Name, m.Reference, m.Config, m.IDs, m.Base})
	}
	return list, all
}
