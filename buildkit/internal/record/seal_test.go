package record_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
)

// Unseal returns the text that was sealed, and detects a change of any byte.
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

// SealTo writes the same text as Seal returns.
func TestSealTo(t *testing.T) {
	for _, text := range []string{"", "a", "a\nb\n\nc"} {
		f, err := os.Create(filepath.Join(t.TempDir(), "sealed"))
		if err != nil {
			t.Fatal(err)
		}
		err = record.SealTo(f, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		sealed, err := os.ReadFile(f.Name())
		if err != nil || string(sealed) != record.Seal(text) {
			t.Fatalf("%q is sealed as %q, %v", text, sealed, err)
		}
		if got, err := unsealed(sealed); err != nil || got != text {
			t.Errorf("%q comes back as %q, %v", text, got, err)
		}
		for i := range sealed {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1
			if got, err := unsealed(changed); !errors.Is(err, record.ErrSeal) {
				t.Errorf("%q with another byte %d: %q, %v", text, i, got, err)
			}
			if _, err := unsealed(sealed[:i]); !errors.Is(err, record.ErrSeal) {
				t.Errorf("%q cut at byte %d: %v", text, i, err)
			}
		}
	}
}

// unsealed reads a sealed text with an unsealer.
func unsealed(sealed []byte) (string, error) {
	r, err := record.NewUnsealer(bytes.NewReader(sealed))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}
