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

// header is what is read of a tar's header, and where the bytes are.
type header struct {
	Name, Link string
	Type       byte
	Mode       int64
	UID, GID   int
	Size       int64
	Offset     int64
}

// indexName is where the headers of a layer are kept, beside it: to read them of the layer is to read a little of each
// file. They are lists of some thousands each; a file ".index" of an older version has all of them in one.
func indexName(layer string) string { return layer + ".headers" }

// headersPerLook is how many headers are kept, and read, between two looks at the context.
const headersPerLook = 10_000

// index keeps the headers of a layer of the cache, which was sent in so many bytes.
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

// headersOf are those of a layer, as they are kept; where none are, or none that can be read, as the layer has them.
func headersOf(ctx context.Context, layer string) ([]header, error) {
	if f, err := os.Open(indexName(layer)); err == nil {
		headers, err := keptHeaders(ctx, f)
		if err = errors.Join(err, f.Close()); err == nil {
			return headers, nil
		}
	}
	return readHeaders(ctx, layer, -1)
}

// keptHeaders reads headers as they are kept.
func keptHeaders(ctx context.Context, r io.Reader) (headers []header, err error) {
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

// readHeaders reads the headers of a layer, which was sent in so many bytes; -1 means that nobody knows.
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

// textOf is how many bytes the names and records of an entry have.
func textOf(h *tar.Header) int {
	n := len(h.Name) + len(h.Linkname)
	for key, value := range h.PAXRecords {
		if key != "path" && key != "linkpath" { // which are in Name and Linkname
			n += len(key) + len(value)
		}
	}
	return n
}

// plainEntry refuses an entry that no engine takes, or whose size says nothing of its bytes: in a sparse file they are
// elsewhere, and most are not there.
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
