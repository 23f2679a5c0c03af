package base

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// block returns a tar header.
func block(name string, kind byte, size int) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x00%011o\x00        ", size, 0))
	h[156] = kind
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// withRecords returns an empty file with several headers of PAX records before it.
func withRecords(records string, headers int) []byte {
	var b bytes.Buffer
	for range headers {
		b.Write(block("p", 'x', len(records)))
		b.WriteString(records)
		b.Write(make([]byte, -len(records)&511))
	}
	b.Write(block("f", '0', 0))
	return b.Bytes()
}

// PAX records are limited: they cost time even if only the last of a name counts.
func TestHostileRecords(t *testing.T) {
	for _, tt := range []struct {
		name  string
		file  []byte
		times int
	}{
		{"as many as fit into a header", withRecords(strings.Repeat("6 a=b\n", 170_000), 1), 10},
		{"in several headers", withRecords(strings.Repeat("6 a=b\n", 170_000), 3), 4},
		{"some for each file", withRecords(strings.Repeat("6 a=b\n", 85), 1), 10_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const want = "too many records"
			blob, id := squeezed(t, func(w io.Writer) error {
				_, err := w.Write(append(bytes.Repeat(tt.file, tt.times), make([]byte, 1024)...))
				return err
			})
			if err := cache(t.TempDir()).fetch(context.Background(), id, blobOf(blob), &account{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("compressed: error %v", err)
			}
			name := filepath.Join(t.TempDir(), "layer.tar")
			if err := os.WriteFile(name, bytes.Repeat(tt.file, tt.times), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := readHeaders(context.Background(), name, int64(len(blob))); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("as it is in the cache: error %v", err)
			}
			if _, err := openArchive(context.Background(), name, t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("as an archive: error %v", err)
			}
		})
	}
}
