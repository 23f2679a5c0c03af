package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
)

// sealPrefix begins the first line of a sealed text; the checksum of the rest follows.
const sealPrefix = "sha256:"

// ErrSeal reports that a text is not the one that was sealed.
var ErrSeal = errors.New("its checksum does not match")

// Seal puts a checksum in front of a text that is to be kept, for [Unseal] and [ReadSealed]. It guards against
// damage, and not against somebody who can write the file.
func Seal(text string) string {
	return seal(sha256.Sum256([]byte(text))) + "\n" + text
}

// seal is the first line.
func seal(sum [sha256.Size]byte) string { return sealPrefix + hex.EncodeToString(sum[:]) }

// Unseal returns the text that [Seal] has sealed. It fails with [ErrSeal] if a byte of it is another one now.
func Unseal(sealed []byte) ([]byte, error) {
	if first, text, ok := bytes.Cut(sealed, []byte("\n")); ok && string(first) == seal(sha256.Sum256(text)) {
		return text, nil
	}
	return nil, ErrSeal
}

// ReadSealed reads a file of state. What fails with [ErrSeal] is as good as none.
func ReadSealed(path string) (string, error) {
	sealed, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text, err := Unseal(sealed)
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", path, err)
	}
	return string(text), nil
}
