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
// file.
func indexName(layer string) string { return layer + ".index" }

// index keeps the headers of a layer of the cache.
func (c cache) index(ctx context.Context, layer string) error {
	headers, err := readHeaders(ctx, layer)
	if err != nil {
		return err
	}
	return c.write(indexName(layer), func(w io.Writer) error { return gob.NewEncoder(w).Encode(headers) })
}

// headersOf are those of a layer, as they are kept; where none are, or none that can be read, as the layer has them.
func headersOf(ctx context.Context, layer string) ([]header, error) {
	if f, err := os.Open(indexName(layer)); err == nil {
		var headers []header
		err := gob.NewDecoder(bufio.NewReaderSize(f, 256<<10)).Decode(&headers)
		if err = errors.Join(err, f.Close()); err == nil {
			return headers, nil
		}
	}
	return readHeaders(ctx, layer)
}

// readHeaders reads the headers of a layer.
func readHeaders(ctx context.Context, layer string) (headers []header, err error) {
	in, err := os.Open(layer)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	around := newWindow(in, info.Size())
	tr := tar.NewReader(around)
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		h, err := tr.Next()
		if err == io.EOF {
			return headers, nil
		}
		if err == nil && len(headers) >= maxEntries {
			err = fmt.Errorf("there are more than %d files", maxEntries)
		}
		if err != nil {
			return nil, err
		}
		headers = append(headers, header{h.Name, h.Linkname, h.Typeflag, h.Mode, h.Uid, h.Gid, h.Size, around.pos})
	}
}
