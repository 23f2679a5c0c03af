package gobuild

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Target is the platform that a program is compiled for. OS must be "linux" or "". Architecture defaults to that of this
// process, Variant to Go's default, such as v7 for arm.
type Target = platform.Platform

// normal fills in the defaults and refuses targets that no image can have.
func normal(t Target) (Target, error) {
	if t.OS != "" && t.OS != "linux" {
		return t, fmt.Errorf("compiling for %q: an image built FROM scratch runs Linux programs only\nfix: choose a platform such as linux/amd64", t.OS)
	}
	t.OS = "linux"
	if t.Architecture == "" {
		t.Architecture = runtime.GOARCH
	}
	if !slices.Contains(platform.Architectures, t.Architecture) {
		return t, fmt.Errorf("compiling for %q: no such architecture\nfix: choose one of %s", t, strings.Join(platform.Architectures, ", "))
	}
	_, values := levels(t.Architecture)
	switch {
	case t.Variant == "" || slices.Contains(values, spelled(t)):
		return t, nil
	case len(values) == 0:
		return t, fmt.Errorf("compiling for %q: Go knows no variants of %s\nfix: choose the platform linux/%s", t, t.Architecture, t.Architecture)
	}
	prefix := "v" // platforms have "v7" for GOARM=7
	if t.Architecture != "arm" {
		prefix = ""
	}
	return t, fmt.Errorf("compiling for %q: no such variant\nfix: choose one of %s", t, prefix+strings.Join(values, ", "+prefix))
}

// levels returns the variable with an architecture's variant, and its values, the
// default first (https://go.dev/doc/install/source#environment). Go
// does not check all of them: GOAMD64=v9 compiles.
func levels(arch string) (key string, values []string) {
	switch arch {
	case "386":
		return "GO386", []string{"sse2", "softfloat"}
	case "amd64":
		return "GOAMD64", []string{"v1", "v2", "v3", "v4"}
	case "arm":
		return "GOARM", []string{"7", "6", "5"}
	case "arm64":
		return "GOARM64", []string{"v8.0", "v8.1", "v8.2", "v8.3", "v8.4", "v8.5", "v8.6", "v8.7", "v8.8", "v8.9",
			"v9.0", "v9.1", "v9.2", "v9.3", "v9.4", "v9.5"}
	case "mips", "mipsle":
		return "GOMIPS", []string{"hardfloat", "softfloat"}
	case "mips64", "mips64le":
		return "GOMIPS64", []string{"hardfloat", "softfloat"}
	case "ppc64", "ppc64le":
		return "GOPPC64", []string{"power8", "power9", "power10"}
	case "riscv64":
		return "GORISCV64", []string{"rva20u64", "rva22u64", "rva23u64"}
	}
	return "", nil
}

// level returns the variable and the value for the target. It is set even to the
// default: the host's go env file may have GOAMD64=v3.
func level(t Target) (key, value string) {
	key, values := levels(t.Architecture)
	switch {
	case key == "":
		return "", ""
	case t.Variant == "":
		return key, values[0]
	}
	return key, spelled(t)
}

// spelled returns the variant as Go spells it: "v7" is GOARM=7, "v8" is GOARM64=v8.0.
func spelled(t Target) string {
	switch {
	case t.Architecture == "arm":
		return strings.TrimPrefix(t.Variant, "v")
	case t.Architecture == "arm64" && !strings.Contains(t.Variant, "."):
		return t.Variant + ".0"
	}
	return t.Variant
}

// isLevel reports whether a variable chooses a level of some architecture.
func isLevel(key string) bool {
	switch key {
	case "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64":
		return true
	}
	return false
}
