// Package settings reads the IMAGE_ variables of the environment that the worker follows
// itself. It returns values, or a [buildkit.ConfigError] for a wrong one.
package settings

import (
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Check returns an error for the first variable that has a value without a meaning, whether or not the target needs it.
// Those that a reader of this package or the plan of an image refuses are not among them.
func Check(getenv func(string) string) error {
	if value := getenv("IMAGE_SHOW_VALUES"); value != "" && value != "0" && value != "1" {
		return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_SHOW_VALUES is %q\nfix: set it to 1, or unset it", value)}
	}
	value := getenv("IMAGE_REGISTRY_HTTP")
	for _, host := range strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' }) {
		if strings.ContainsAny(host, "/@") { // an address or a repository would never be that of a registry
			return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_REGISTRY_HTTP is %q, and %q is not the host of a registry\nfix: write it like registry.example:5000, several with commas",
				plaintext.HideLogins(value), plaintext.HideLogins(host))}
		}
	}
	for _, name := range []string{"IMAGE_DEV_SWAP", "IMAGE_CONTAINER_SOURCES"} {
		if _, err := ReadCopies(name, getenv); err != nil {
			return err
		}
	}
	return nil
}

// ReadCopies reads a variable that is "bind", "copy" or not set, and reports whether it is "copy": files are then copied
// into a container even if they could be mounted.
func ReadCopies(name string, getenv func(string) string) (bool, error) {
	switch value := getenv(name); value {
	case "", "bind":
		return false, nil
	case "copy":
		return true, nil
	default:
		return false, &buildkit.ConfigError{Err: fmt.Errorf("%s is %q\nfix: set it to bind or copy, or unset it", name, value)}
	}
}
