package packages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// sqlite reads tables of a SQLite database file, such as rpm's, see
// https://www.sqlite.org/fileformat2.html. It can only read rows in the order of their keys: it knows no
// index and no SQL. It reads no page twice, so the size of the file limits the work and the size of every
// row.
type sqlite struct {
	r        io.ReaderAt
	pages    uint32
	pageSize int
	usable   int    // bytes of a page without the reserved ones at its end
	seen     []bool // pages of the current table that were read
	left     int64  // remaining bytes for records in these pages
}

// Kinds of b-tree pages (section 1.6).
const (
	interiorTable = 5
	leafTable     = 13
)

// Sizes of the file header and of the two page headers.
const (
	fileHeader     = 100
	leafHeader     = 8
	interiorHeader = 12
)

// errCorrupt reports a malformed file.
var errCorrupt = errors.New("malformed database")

// newSQLite reads the file header (section 1.3).
func newSQLite(r io.ReaderAt, size int64) (*sqlite, error) {
	var h [fileHeader]byte
	if _, err := r.ReadAt(h[:], 0); err != nil {
		return nil, fmt.Errorf("%w: %v", errCorrupt, err)
	}
	if string(h[:16]) != "SQLite format 3\x00" {
		return nil, errors.New("not a SQLite database")
	}
	d := &sqlite{r: r, pageSize: int(binary.BigEndian.Uint16(h[16:]))}
	if d.pageSize == 1 { // 65536 does not fit
		d.pageSize = 1 << 16
	}
	if d.pageSize < 512 || d.pageSize&(d.pageSize-1) != 0 {
		return nil, fmt.Errorf("%w: pages of %d bytes", errCorrupt, d.pageSize)
	}
	// The minimum in the format.
	if d.usable = d.pageSize - int(h[20]); d.usable < 480 {
		return nil, fmt.Errorf("%w: %d usable bytes in a page", errCorrupt, d.usable)
	}
	if encoding := binary.BigEndian.Uint32(h[56:]); encoding > 1 {
		return nil, fmt.Errorf("text encoding %d is not supported", encoding)
	}
	d.pages = uint32(min(size/int64(d.pageSize), 1<<32-2))
	return d, nil
}

// table calls f for each row of a table, with its key and its record. f may keep the record.
func (d *sqlite) table(name string, f func(key int64, record []byte) error) error {
	root := uint32(0)
	// The schema (section 2.6) is a table too, with the columns type, name, table name, root page and SQL.
	err := d.rows(1, func(_ int64, record []byte) error {
		if kind, err := column(record, 0); err != nil || string(kind) != "table" {
			return err
		}
		if table, err := column(record, 1); err != nil || string(table) != name {
			return err
		}
		page, err := column(record, 3)
		for _, b := range page {
			root = root<<8 | uint32(b)
		}
		return err
	})
	if err == nil && root == 0 {
		err = fmt.Errorf("%w: no table %q", errCorrupt, name)
	}
	if err != nil {
		return err
	}
	return d.rows(root, f)
}

// rows reads the b-tree of a table.
func (d *sqlite) rows(root uint32, f func(key int64, record []byte) error) error {
	d.seen = make([]bool, int(d.pages)+1)
	d.left = int64(d.pages) * int64(d.pageSize)
	return d.walk(root, 0, f)
}

// page reads a page. Numbers start at 1.
func (d *sqlite) page(n uint32) ([]byte, error) {
	if n == 0 || n > d.pages {
		return nil, fmt.Errorf("%w: page %d of %d", errCorrupt, n, d.pages)
	}
	if d.seen[n] {
		return nil, fmt.Errorf("%w: page %d is used twice", errCorrupt, n)
	}
	d.seen[n] = true
	buf := make([]byte, d.pageSize)
	if k, err := d.r.ReadAt(buf, int64(n-1)*int64(d.pageSize)); k < len(buf) {
		return nil, fmt.Errorf("%w: page %d: %v", errCorrupt, n, err)
	}
	return buf[:d.usable], nil
}

// maxDepth is far more than the depth of any real b-tree: each level multiplies the rows by dozens.
const maxDepth = 40

// walk reads the subtree of a page.
func (d *sqlite) walk(n uint32, depth int, f func(key int64, record []byte) error) error {
	page, err := d.page(n)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("%w: a tree of more than %d levels", errCorrupt, maxDepth)
	}
	h := 0
	if n == 1 {
		h = fileHeader
	}
	switch page[h] {
	case leafTable:
		return d.cells(page, h+leafHeader, h, func(cell []byte) error { return d.row(cell, f) })
	case interiorTable:
		err := d.cells(page, h+interiorHeader, h, func(cell []byte) error {
			if len(cell) < 4 {
				return errCorrupt
			}
			return d.walk(binary.BigEndian.Uint32(cell), depth+1, f)
		})
		if err != nil {
			return err
		}
		return d.walk(binary.BigEndian.Uint32(page[h+8:]), depth+1, f)
	}
	return fmt.Errorf("%w: page %d of kind %d in a table", errCorrupt, n, page[h])
}

// cells calls f for each cell of a page, with the bytes from its start to the end of the page. The offsets
// of the cells are listed at pointers.
func (d *sqlite) cells(page []byte, pointers, header int, f func(cell []byte) error) error {
	n := int(binary.BigEndian.Uint16(page[header+3:]))
	if pointers+2*n > len(page) {
		return fmt.Errorf("%w: %d cells in a page", errCorrupt, n)
	}
	for i := range n {
		at := int(binary.BigEndian.Uint16(page[pointers+2*i:]))
		if at >= len(page) {
			return fmt.Errorf("%w: a cell at %d", errCorrupt, at)
		}
		if err := f(page[at:]); err != nil {
			return err
		}
	}
	return nil
}

// maxRecord limits a record in bytes, because it is in memory as a whole. The header of a package has a few
// megabytes.
const maxRecord = 256 << 20

// row reads a cell of a leaf: the size of its record, its key, and the record.
func (d *sqlite) row(cell []byte, f func(key int64, record []byte) error) error {
	size, n := varint(cell)
	key, k := varint(cell[n:])
	if n == 0 || k == 0 || size > min(maxRecord, uint64(d.pages)*uint64(d.pageSize)) {
		return fmt.Errorf("%w: a record of %d bytes", errCorrupt, size)
	}
	record, err := d.payload(cell[n+k:], int(size))
	if err != nil {
		return err
	}
	return f(int64(key), record)
}

// payload reads a record. Its first part is in the page, the rest in a chain of other pages. The size alone
// determines where it is split (section 1.6, "cell payload overflow pages").
func (d *sqlite) payload(cell []byte, size int) ([]byte, error) {
	local := size
	if most := d.usable - 35; size > most {
		least := (d.usable-12)*32/255 - 23
		if local = least + (size-least)%(d.usable-4); local > most {
			local = least
		}
	}
	if local > len(cell) || local < size && local+4 > len(cell) {
		return nil, fmt.Errorf("%w: a record beyond the end of its page", errCorrupt)
	}
	// In a malicious file, the cells of a page can overlap.
	if d.left -= int64(local); d.left < 0 {
		return nil, fmt.Errorf("%w: records that overlap", errCorrupt)
	}
	if local == size {
		return cell[:size], nil
	}
	record := append([]byte(nil), cell[:local]...)
	next := binary.BigEndian.Uint32(cell[local:])
	for len(record) < size {
		page, err := d.page(next)
		if err != nil {
			return nil, err
		}
		next = binary.BigEndian.Uint32(page)
		record = append(record, page[4:min(len(page), 4+size-len(record))]...)
	}
	return record, nil
}
