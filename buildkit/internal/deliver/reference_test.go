package deliver_test

import (
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
)

func TestReference(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ repository, tag, want string }{
		{"hello", "latest", "hello:latest"},
		{"docker.io/library/hello", "1.2", "hello:1.2"},
		{"localhost:5000/acme/hello", "v1", "localhost:5000/acme/hello:v1"},
	} {
		got, err := deliver.Reference(tt.repository, tt.tag)
		if err != nil || got != tt.want {
			t.Errorf("%q with the tag %q is %q, error %v; want %q", tt.repository, tt.tag, got, err, tt.want)
		}
	}
	for _, tt := range []struct{ repository, tag, want string }{
		{"Hello", "latest", `"Hello"`},
		{"hello:1", "latest", `"hello:1"`},
		{"hello", "a b", `"a b"`},
		{"hello", "", `""`},
	} {
		_, err := deliver.Reference(tt.repository, tt.tag)
		wantError(t, err, tt.want, "fix: ")
	}
}
