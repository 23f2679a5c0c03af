package provenance

import "github.com/fromscratch-go/fromscratch/buildkit/internal/git"

// Source returns a working tree as a resource of a build. ok is false if there is no commit.
func Source(c git.Checkout) (r Resource, ok bool) {
	if c.Commit == "" {
		return Resource{}, false
	}
	r = Resource{Name: "source", Digest: map[string]string{"gitCommit": c.Commit}, Annotations: map[string]any{"dirty": c.Dirty}}
	if c.Remote != "" {
		// https://spdx.github.io/spdx-spec/v2.3/package-information/#77-package-download-location-field
		r.URI = "git+" + c.Remote + "@" + c.Commit
	}
	return r, true
}
