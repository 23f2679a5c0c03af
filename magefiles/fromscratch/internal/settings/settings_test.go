package settings

import (
	"errors"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// A value without a meaning is an error of the Config that names the variable and hides logins.
func TestCheck(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"IMAGE_SHOW_VALUES", "", ""}, {"IMAGE_SHOW_VALUES", "1", ""}, {"IMAGE_SHOW_VALUES", "0", ""}, {"IMAGE_SHOW_VALUES", "yes", "fix: set it to 1"},
		{"IMAGE_REGISTRY_HTTP", "registry.example:5000, [::1]:5000", ""}, {"IMAGE_REGISTRY_HTTP", "http://user:secret@registry.example", "registry.example:5000"},
		{"IMAGE_REGISTRY_HTTP", "a,registry.example/acme", `"registry.example/acme"`},
		{"IMAGE_DEV_SWAP", "copy", ""}, {"IMAGE_DEV_SWAP", "mount", "fix: set it to bind or copy"},
		{"IMAGE_CONTAINER_SOURCES", "bind", ""}, {"IMAGE_CONTAINER_SOURCES", "Copy", "fix: set it to bind or copy"},
	} {
		err := Check(func(name string) string {
			if name == tt.name {
				return tt.value
			}
			return ""
		})
		var config *buildkit.ConfigError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s=%s: %v", tt.name, tt.value, err)
		case tt.want != "" && (!errors.As(err, &config) || !strings.Contains(err.Error(), tt.name) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s=%s: %v, want an error of the Config with %q", tt.name, tt.value, err, tt.want)
		}
	}
}

// A variable of before is refused, with the name of now.
func TestRenamed(t *testing.T) {
	err := Renamed([]string{"IMAGE_BUILDER_SOURCES=copy"})
	var config *buildkit.ConfigError
	if !errors.As(err, &config) || !strings.Contains(err.Error(), "fix: set IMAGE_CONTAINER_SOURCES=copy, and unset IMAGE_BUILDER_SOURCES") {
		t.Errorf("the error is %v", err)
	}
	if err := Renamed([]string{"IMAGE_CONTAINER_SOURCES=copy", "IMAGE_BUILDER_SOURCES="}); err != nil {
		t.Error(err)
	}
	if warnings := Unknown([]string{"IMAGE_BUILDER_SOURCES=copy"}); len(warnings) > 0 {
		t.Errorf("it is also unknown: %q", warnings)
	}
}
