package builder

import (
	"io"
	"testing"
)

// A builder's command with endless output is ended, and does not fill the memory.
func TestBuilderOutputBound(t *testing.T) {
	if bound(nil) != nil {
		t.Error("nobody's stream is one")
	}
	w, block := bound(io.Discard), make([]byte, 1<<20)
	for i := range 300 {
		n, err := w.Write(block)
		if all := (i + 1) << 20; (err == nil) != (all <= maxOutput) || err == nil && n != len(block) {
			t.Fatalf("after %d bytes: %d, %v", all, n, err)
		}
	}
}
