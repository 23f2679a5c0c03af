package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// variables are the environment variables of fromscratch. docs/environment.md describes them.
var variables = []string{
	"IMAGE_CODE_QUALITY", "IMAGE_CONTAINER_SOURCES", "IMAGE_DEV_SWAP", "IMAGE_DOCKERFILE", "IMAGE_ENGINE_TIMEOUT", "IMAGE_FORMAT", "IMAGE_LAYOUT", "IMAGE_NAME", "IMAGE_OUTPUT", "IMAGE_PLATFORM",
	"IMAGE_REFS", "IMAGE_REGISTRY_CA", "IMAGE_REGISTRY_HTTP", "IMAGE_REPO", "IMAGE_SHOW_VALUES", "IMAGE_TAG",
}

// renamed are earlier names of variables, with the names that they have now.
var renamed = map[string]string{"IMAGE_BUILDER_SOURCES": "IMAGE_CONTAINER_SOURCES"}

// Renamed returns an error if a variable is set that has another name now.
func Renamed(environ []string) error {
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if now := renamed[name]; now != "" && value != "" {
			return &buildkit.ConfigError{Err: fmt.Errorf("the variable %s is now %s\nfix: set %s=%s, and unset %s", name, now, now, plaintext.HideLogins(value), name)}
		}
	}
	return nil
}

// Unknown returns a warning for each unknown environment variable that begins with IMAGE_.
// Otherwise a misspelled one would silently have no effect.
func Unknown(environ []string) (warnings []string) {
	var unknown []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "IMAGE_") && !slices.Contains(variables, name) && renamed[name] == "" {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range slices.Compact(unknown) {
		fix := "unset it, or rename it if another program needs it"
		if likely := likelyVariable(name); likely != "" {
			fix = "set " + likely + " if you meant that, and unset this one"
		}
		warnings = append(warnings, fmt.Sprintf("warning: the variable %q is unknown and has no effect\nfix: %s", name, fix))
	}
	return warnings
}

// likelyVariable returns the known variable that is most similar to a name, or "" if none is
// similar. Of the letters after IMAGE_, at most a third may differ.
func likelyVariable(name string) string {
	likely, least := "", len(name)
	for _, known := range variables {
		if d := distance(name, known); d < least {
			likely, least = known, d
		}
	}
	if least > max(1, (len(likely)-len("IMAGE_"))/3) {
		return ""
	}
	return likely
}

// distance returns how many letters must be added, removed, replaced or swapped with their
// neighbour to turn a into b (https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance,
// optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			exchanged := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				exchanged++
			}
			rows[i][j] = min(exchanged, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
