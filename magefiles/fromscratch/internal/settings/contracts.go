package settings

import (
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Contract is what a development tool asks for when it starts a target as the command that builds an image.
type Contract struct {
	Tool      string            // "Skaffold", "Tilt"; "" if no tool asks
	Reference string            // the image must have exactly this one
	Target    string            // the target that the tool means
	Variables map[string]string // ours, with the values that say the same
}

// ReadContract reads the variables of Skaffold's custom builder (https://skaffold.dev/docs/builders/builder-types/custom/) and of
// Tilt's custom_build (https://docs.tilt.dev/custom_build). They count for the targets image and imagePush.
func ReadContract(target string, getenv func(string) string) (Contract, error) {
	if target != "image" && target != "imagePush" {
		return Contract{Target: target}, nil
	}
	var c Contract
	push, name := getenv("PUSH_IMAGE"), ""
	switch {
	case getenv("EXPECTED_REF") != "":
		c, name = Contract{Tool: "Tilt", Reference: getenv("EXPECTED_REF"), Target: target}, "EXPECTED_REF"
	case getenv("IMAGE") != "" && (push == "true" || push == "false"): // IMAGE alone may be anybody's
		c, name = Contract{Tool: "Skaffold", Reference: getenv("IMAGE"), Target: "image"}, "IMAGE"
		if push == "true" {
			c.Target = "imagePush"
		}
	default:
		return Contract{Target: target}, nil
	}
	repository, tag := c.Reference, ""
	if i := strings.LastIndexByte(repository, ':'); i > strings.LastIndexByte(repository, '/') {
		repository, tag = repository[:i], repository[i+1:]
	}
	if strings.Contains(c.Reference, "@") {
		return Contract{}, &buildkit.ConfigError{Err: fmt.Errorf("%s is %q, by which %s asks for an image with a digest, and that is known only after the build\nfix: let %s name the image by a tag",
			name, plaintext.HideLogins(c.Reference), c.Tool, c.Tool)}
	}
	if tag == "" {
		tag = "latest"
		c.Reference += ":latest"
	}
	c.Variables = map[string]string{"IMAGE_REPO": repository, "IMAGE_TAG": tag}
	if platforms := getenv("PLATFORMS"); platforms != "" && c.Tool == "Skaffold" {
		c.Variables["IMAGE_PLATFORM"] = platforms
	}
	if c.Target == "image" && getenv("IMAGE_OUTPUT") == "" {
		c.Variables["IMAGE_OUTPUT"] = "docker" // the tool looks for the image there
	}
	for ours, value := range c.Variables {
		if set := getenv(ours); set != "" && set != value {
			return Contract{}, &buildkit.ConfigError{Err: fmt.Errorf("%s is %q, but %s asks for %q\nfix: unset %s", ours, plaintext.HideLogins(set), c.Tool, plaintext.HideLogins(value), ours)}
		}
	}
	return c, nil
}

// Check returns an error if an image has another reference than the tool asks for.
func (c Contract) Check(image, reference string) error {
	if c.Tool == "" || reference == c.Reference {
		return nil
	}
	return &buildkit.ConfigError{Err: fmt.Errorf("the image %q has the reference %s, but %s asks for %s\nfix: select an image without TagSuffix by IMAGE_NAME", image, reference, c.Tool, c.Reference)}
}
