package listing

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// A base may have megabytes in one name: a plan, where all lines are as wide as the widest, shows the beginning.
func TestHostileLength(t *testing.T) {
	var w bytes.Buffer
	values := slices.Repeat([]buildkit.Value{{Name: "env", Value: "x", Origin: "default"}}, 20)
	values[0].Value = strings.Repeat("x", 4<<20)
	if err := Values(&w, values); err != nil {
		t.Fatal(err)
	}
	if n := w.Len(); n > 1<<20 || !strings.Contains(w.String(), " bytes more)") {
		t.Errorf("the plan has %d bytes", n)
	}
}
