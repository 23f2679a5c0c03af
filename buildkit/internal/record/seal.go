package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// sealPrefix starts the first line of a sealed text. The checksum of the rest follows.
const sealPrefix = "sha256:"

// ErrSeal means that a sealed text has changed.
var ErrSeal = errors.New("its checksum does not match")

// Seal returns text with a checksum in front, for [Unseal] and [ReadSealed]. It detects damage, but does not protect
// against somebody who can write the file.
func Seal(text string) string {
	return seal(sha256.Sum256([]byte(text))) + "\n" + text
}

// seal returns the first line of a sealed text.
func seal(sum [sha256.Size]byte) string { return sealPrefix + hex.EncodeToString(sum[:]) }

// Unseal returns the text that [Seal] has sealed. It fails with [ErrSeal] if any byte has changed.
func Unseal(sealed []byte) ([]byte, error) {
	if first, text, ok := bytes.Cut(sealed, []byte("\n")); ok && string(first) == seal(sha256.Sum256(text)) {
		return text, nil
	}
	return nil, ErrSeal
}

// ReadSealed reads a sealed file. The caller should treat a file that fails with [ErrSeal] as missing.
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

// SealTo writes the result of [Seal] to an empty file, without keeping the text in memory.
func SealTo(f *os.File, write func(io.Writer) error) error {
	h := sha256.New()
	if _, err := io.WriteString(f, seal([sha256.Size]byte{})+"\n"); err != nil {
		return err
	}
	if err := write(io.MultiWriter(f, h)); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(seal([sha256.Size]byte(h.Sum(nil)))), 0)
	return err
}

// NewUnsealer returns a reader of the text in a sealed text. At the end of the text, it fails with [ErrSeal] if any byte
// has changed. The text read until then must not be used.
func NewUnsealer(r io.Reader) (io.Reader, error) {
	first := make([]byte, len(seal([sha256.Size]byte{}))+1)
	if _, err := io.ReadFull(r, first); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, ErrSeal
	} else if err != nil {
		return nil, err
	}
	return &unsealer{r, sha256.New(), string(first)}, nil
}

type unsealer struct {
	r     io.Reader
	h     hash.Hash
	first string
}

func (u *unsealer) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.h.Write(p[:n])
	if err == io.EOF && seal([sha256.Size]byte(u.h.Sum(nil)))+"\n" != u.first {
		err = ErrSeal
	}
	return n, err
}
