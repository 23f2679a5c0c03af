package libraries

import (
	"strings"
	"testing"
)

// The warning about a symbol that only a plugin lacks says what to do.
func TestAdvised(t *testing.T) {
	t.Parallel()
	if got := advised(`symbol host of "/libplug.so" is defined nowhere, and so are 2 more that it asks for`); !strings.Contains(got, "\nfix: ") || !strings.Contains(got, "Exclude") {
		t.Errorf("%q", got)
	}
	if got := advised("another warning"); got != "another warning" {
		t.Errorf("%q", got)
	}
}
