package engines

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// A wrong variable is an error of the Config before any engine is opened, and so is a target that runs images where there is no engine.
func TestVariables(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		check, run  string // in the error; "" for none
		elsewhere   bool
	}{
		{"IMAGE_ENGINE_TIMEOUT", "soon", "IMAGE_ENGINE_TIMEOUT", "IMAGE_ENGINE_TIMEOUT", false},
		{"IMAGE_ENGINE_TIMEOUT", "-1m", "IMAGE_ENGINE_TIMEOUT", "IMAGE_ENGINE_TIMEOUT", true},
		{"IMAGE_OUTPUT", "podman", "IMAGE_OUTPUT", "IMAGE_OUTPUT", true},
		{"IMAGE_OUTPUT", "kind:a b", "not a valid cluster name", "not a valid cluster name", false},
		{"IMAGE_OUTPUT", "archive", "", `IMAGE_OUTPUT is "archive", but imageRun needs an engine`, false},
		{"IMAGE_OUTPUT", "kind:dev", "", `IMAGE_OUTPUT is "kind:dev", but imageRun runs the image in the engine`, false},
		{"IMAGE_OUTPUT", "kind", "", "imageRun needs an engine", true},
	} {
		e := &Engines{Elsewhere: tt.elsewhere, Getenv: func(name string) string {
			if name == tt.name {
				return tt.value
			}
			return ""
		}}
		_, err := e.ToRun(context.Background(), "imageRun")
		for _, row := range []struct {
			err  error
			want string
		}{{e.Check(), tt.check}, {err, tt.run}} {
			var config *report.ConfigError
			if row.want == "" && row.err != nil || row.want != "" && (!errors.As(row.err, &config) || !strings.Contains(row.err.Error(), row.want)) {
				t.Errorf("%s=%s: got %v, want an error of the Config with %q", tt.name, tt.value, row.err, row.want)
			}
		}
	}
}
