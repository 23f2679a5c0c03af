package base

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// header has the needed fields of a tar header, and the offset of the file's bytes.
type header struct {
	Name, Link string
	Type       byte
	Mode       int64
	UID, GID   int
	Size       int64
	Offset     int64
}

// indexName returns the file with a layer's headers, beside the layer. Reading them from the layer means to read a piece of
// each file. The file has lists of up to headersPerLook headers. A file ".index" of an older version has a single list.
func indexName(layer string) string { return layer + ".headers" }

// headersPerLook is how many headers are written, and read, between two looks at the context.
const headersPerLook = 10_000

// index writes the header file of a cached layer. packed is the compressed size of the layer.
func (c cache) index(ctx context.Context, layer string, packed int64) error {
	headers, err := readHeaders(ctx, layer, packed)
	if err != nil {
		return err
	}
	return c.write(indexName(layer), func(w io.Writer) error {
		encoder := gob.NewEncoder(w)
		for part := range slices.Chunk(headers, headersPerLook) {
			if err := errors.Join(context.Cause(ctx), encoder.Encode(part)); err != nil {
				return err
			}
		}
		return nil
	})
}

// headersOf returns the headers of a layer, from its header file, or from the layer itself if that file cannot be read.
func headersOf(ctx context.Context, layer string) ([]header, error) {
	if f, err := os.Open(indexName(layer)); err == nil {
		headers, err := decodeHeaders(ctx, f)
		if err = errors.Join(err, f.Close()); err == nil {
			return headers, nil
		}
	}
	return readHeaders(ctx, layer, -1)
}

// decodeHeaders reads a header file.
func decodeHeaders(ctx context.Context, r io.Reader) (headers []header, err error) {
	decoder := gob.NewDecoder(bufio.NewReaderSize(r, 256<<10))
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		var part []header
		if err := decoder.Decode(&part); err == io.EOF {
			return headers, nil
		} else if err != nil {
			return nil, err
		}
		headers = append(headers, part...)
	}
}

// readHeaders reads the headers from a layer. packed is the compressed size of the layer, -1 if unknown.
func readHeaders(ctx context.Context, layer string, packed int64) (headers []header, err error) {
	in, err := os.Open(layer)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if packed < 0 {
		packed = info.Size()
	}
	budget := newBudget(ctx, packed)
	around := newWindow(ctx, in, info.Size())
	tr := tar.NewReader(around)
	for {
		around.next()
		h, err := tr.Next()
		if err == io.EOF {
			return headers, nil
		}
		if err == nil {
			err = errors.Join(budget.entry(), plainEntry(h), budget.text(textOf(h)), budget.record(around.lines))
		}
		if err != nil {
			return nil, err
		}
		headers = append(headers, header{h.Name, h.Linkname, h.Typeflag, h.Mode, h.Uid, h.Gid, h.Size, around.pos})
	}
}

// textOf returns the length of an entry's names and PAX records, in bytes.
func textOf(h *tar.Header) int {
	n := len(h.Name) + len(h.Linkname)
	for key, value := range h.PAXRecords {
		if key != "path" && key != "linkpath" { // those are in Name and Linkname
			n += len(key) + len(value)
		}
	}
	return n
}

// plainEntry refuses an entry that no engine takes, and a sparse file: its size does not say how many bytes it has, or where
// they are.
func plainEntry(h *tar.Header) error {
	if len(h.Name) > maxName || len(h.Linkname) > maxName {
		return fmt.Errorf("%.100q: the path is too long", h.Name)
	}
	sparse := h.Typeflag == tar.TypeGNUSparse
	for key := range h.PAXRecords {
		sparse = sparse || strings.HasPrefix(key, "GNU.sparse.")
	}
	if sparse {
		return fmt.Errorf("%q is a sparse file, which no layer has\nfix: write it without holes (tar without --sparse)", h.Name)
	}
	return nil
}
