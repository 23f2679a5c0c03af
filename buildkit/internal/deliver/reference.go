package deliver

import (
	"fmt"
	"slices"

	"github.com/distribution/reference"
)

// name is an image reference in the forms that readers of archives use.
type name struct {
	full     string // "docker.io/library/hello:latest"
	familiar string // "hello:latest"
	tag      string // "latest"
}

// parseNames reads references as "docker tag" does: without a registry they mean Docker Hub, without a tag "latest". A
// repeated reference counts once.
func parseNames(refs []string) ([]name, error) {
	names := make([]name, 0, len(refs))
	for _, ref := range refs {
		n, err := parseName(ref)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names, nil
}

// parseName reads one reference in the grammar of https://pkg.go.dev/github.com/distribution/reference.
func parseName(ref string) (name, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return name{}, fmt.Errorf("parsing the reference %q: %w\nfix: write it like %q or %q", ref, err,
			"hello:latest", "registry.example/acme/hello:1.2")
	}
	if _, ok := named.(reference.Digested); ok {
		// The image decides the digest, so a name cannot.
		return name{}, fmt.Errorf("parsing the reference %q: an image that is written cannot be named by digest\nfix: write %q",
			ref, reference.FamiliarName(named)+":latest")
	}
	tagged, ok := reference.TagNameOnly(named).(reference.NamedTagged)
	if !ok {
		return name{}, fmt.Errorf("parsing the reference %q: it has no tag\nfix: write %q", ref,
			reference.FamiliarName(named)+":latest")
	}
	return name{tagged.String(), reference.FamiliarString(tagged), tagged.Tag()}, nil
}
