package deliver

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// Reference joins a repository ("hello", "registry.example/acme/server") and a tag, and returns the reference as people
// write it ("hello:latest"). It fails if one of them is invalid, or if the repository has a tag.
func Reference(repository, tag string) (string, error) {
	named, err := reference.ParseNormalizedNamed(repository)
	if err != nil {
		return "", fmt.Errorf("reading the repository %q: %w\nfix: write it like %q or %q", repository, err, "hello", "registry.example/acme/hello")
	}
	if !reference.IsNameOnly(named) {
		return "", fmt.Errorf("reading the repository %q: it has a tag or a digest\nfix: write %q, and set the tag separately",
			repository, reference.FamiliarName(named))
	}
	tagged, err := reference.WithTag(named, tag)
	if err != nil {
		return "", fmt.Errorf("reading the tag %q: %w\nfix: use letters, digits, \"_\", \".\" and \"-\", 128 at most", tag, err)
	}
	return reference.FamiliarString(tagged), nil
}

// Registry returns the registry of a reference: "registry.example:5000", or "docker.io". It is "" for an invalid reference.
func Registry(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return reference.Domain(named)
}

// Official reports whether a reference means an image on Docker Hub that belongs to no user, like "hello:latest".
// https://docs.docker.com/docker-hub/image-library/trusted-content/#docker-official-images
func Official(ref string) bool {
	named, err := reference.ParseNormalizedNamed(ref)
	return err == nil && reference.Domain(named) == "docker.io" && strings.HasPrefix(reference.Path(named), "library/")
}
