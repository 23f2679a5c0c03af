package record_test

import (
	"errors"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// A sealed text comes back whole, and no byte of it can change unseen.
func TestSeal(t *testing.T) {
	for _, text := range []string{"", "a", "a\nb\n\nc", "\n"} {
		sealed := record.Seal(text)
		if got, err := record.Unseal([]byte(sealed)); err != nil || string(got) != text {
			t.Errorf("Unseal(Seal(%q)) = %q, %v", text, got, err)
		}
		for i := range len(sealed) {
			changed := []byte(sealed)
			changed[i] ^= 1
			if got, err := record.Unseal(changed); !errors.Is(err, record.ErrSeal) {
				t.Errorf("%q with another byte %d: %q, %v", text, i, got, err)
			}
			if _, err := record.Unseal([]byte(sealed[:i])); !errors.Is(err, record.ErrSeal) {
				t.Errorf("%q cut at byte %d: %v", text, i, err)
			}
		}
	}
}
