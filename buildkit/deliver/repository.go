package deliver

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// Reference puts a repository ("hello", "registry.example/acme/server") and a tag together, and returns the reference
// as people write it ("hello:latest"). It fails when one of them is not valid, or the repository has a tag of its own.
func Reference(repository, tag string) (string, error) {
	named, err := reference.ParseNormalizedNamed(repository)
	if err != nil {
		return "", fmt.Errorf("reading the repository %q: %w\nfix: write it like %q or %q", repository, err, "hello", "registry.example/acme/hello")
	}
	if !reference.IsNameOnly(named) {
		return "", fmt.Errorf("reading the repository %q: it has a tag or a digest\nfix: write %q, and the tag where tags are set",
			repository, reference.FamiliarName(named))
	}
	tagged, err := reference.WithTag(named, tag)
	if err != nil {
		return "", fmt.Errorf("reading the tag %q: %w\nfix: use letters, digits, \"_\", \".\" and \"-\", 128 at most", tag, err)
	}
	return reference.FamiliarString(tagged), nil
}

// Registry is the registry of a reference: "registry.example:5000", or "docker.io". It is empty for what is no reference.
func Registry(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return reference.Domain(named)
}

// Official tells whether a reference is one of the images on Docker Hub that belong to no user, like "hello:latest".
// https://docs.docker.com/docker-hub/image-library/trusted-content/#docker-official-images
func Official(ref string) bool {
	named, err := reference.ParseNormalizedNamed(ref)
	return err == nil && reference.Domain(named) == "docker.io" && strings.HasPrefix(reference.Path(named), "library/")
}
