package settings

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// What Skaffold and Tilt ask for is translated into our variables; IMAGE alone is anybody's.
func TestReadContract(t *testing.T) {
	type vars = map[string]string
	for _, tt := range []struct {
		name, target string
		env          vars
		want         string // target and reference, or a part of the error
		variables    vars
	}{
		{"nobody", "image", nil, "image", nil},
		{"another IMAGE", "image", vars{"IMAGE": "x:1"}, "image", nil},
		{"another target", "imagePlan", vars{"EXPECTED_REF": "x:1"}, "imagePlan", nil},
		{"Skaffold, local", "imagePush", vars{"IMAGE": "svc:abc-dirty", "PUSH_IMAGE": "false", "PLATFORMS": "linux/arm64"}, "image svc:abc-dirty",
			vars{"IMAGE_REPO": "svc", "IMAGE_TAG": "abc-dirty", "IMAGE_PLATFORM": "linux/arm64", "IMAGE_OUTPUT": "docker"}},
		{"Skaffold, pushed", "image", vars{"IMAGE": "r.example:5000/acme/svc:1", "PUSH_IMAGE": "true"}, "imagePush r.example:5000/acme/svc:1",
			vars{"IMAGE_REPO": "r.example:5000/acme/svc", "IMAGE_TAG": "1"}},
		{"Tilt", "image", vars{"EXPECTED_REF": "localhost:5000/svc:tilt-build-1"}, "image localhost:5000/svc:tilt-build-1",
			vars{"IMAGE_REPO": "localhost:5000/svc", "IMAGE_TAG": "tilt-build-1", "IMAGE_OUTPUT": "docker"}},
		{"Tilt, pushed", "imagePush", vars{"EXPECTED_REF": "localhost:5000/svc"}, "imagePush localhost:5000/svc:latest",
			vars{"IMAGE_REPO": "localhost:5000/svc", "IMAGE_TAG": "latest"}},
		{"into kind, as the user chose", "image", vars{"EXPECTED_REF": "svc:1", "IMAGE_OUTPUT": "kind"}, "image svc:1", vars{"IMAGE_REPO": "svc", "IMAGE_TAG": "1"}},
		{"another tag", "image", vars{"EXPECTED_REF": "svc:1", "IMAGE_TAG": "2"}, `error: IMAGE_TAG is "2", but Tilt asks for "1"`, nil},
		{"a digest", "image", vars{"IMAGE": "svc@sha256:00", "PUSH_IMAGE": "false"}, "error: by a tag", nil},
	} {
		c, err := ReadContract(tt.target, func(name string) string { return tt.env[name] })
		if part, fails := strings.CutPrefix(tt.want, "error: "); fails {
			var config *buildkit.ConfigError
			if !errors.As(err, &config) || !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), "\nfix: ") {
				t.Errorf("%s: the error is %v, want one of the Config with %q", tt.name, err, part)
			}
			continue
		}
		if err != nil || strings.TrimSpace(c.Target+" "+c.Reference) != tt.want || !maps.Equal(c.Variables, tt.variables) {
			t.Errorf("%s: %+v, %v; want %q with %v", tt.name, c, err, tt.want, tt.variables)
		}
		if tt.variables != nil && (c.Check("svc", c.Reference) != nil || c.Check("svc", c.Reference+"-debug") == nil) {
			t.Errorf("%s: the reference is not checked", tt.name)
		}
	}
}
