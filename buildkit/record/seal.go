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

// SealTo writes a sealed text to an empty file, as [Seal] makes it, without keeping the text in memory.
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

// NewUnsealer returns a reader of a sealed text. Where the text ends, the reader fails with [ErrSeal] if a byte of it is
// another one now: what was read until then must not be used.
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
