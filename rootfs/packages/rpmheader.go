package packages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Tags of an rpm header, https://rpm.org/docs/latest/manual/tags.html.
const (
	tagName       = 1000
	tagVersion    = 1001
	tagRelease    = 1002
	tagEpoch      = 1003
	tagLicence    = 1014
	tagArch       = 1022
	tagFileStates = 1029
	tagFileModes  = 1030
	tagSourceRPM  = 1044
	tagDirIndexes = 1116
	tagBaseNames  = 1117
	tagDirNames   = 1118
)

// Types of the values that are read here.
const (
	rpmInt8        = 2
	rpmInt16       = 3
	rpmInt32       = 4
	rpmString      = 6
	rpmStringArray = 8
	rpmI18N        = 9
)

// maxText is the longest text of a package, such as its name or its licence, in bytes.
const maxText = 4 << 10

// rpmHeader is a header in the form of the database, without the first eight bytes that it has in a file:
// the number of index entries, the size of the data, the index, the data. Numbers are big-endian.
// https://rpm.org/docs/latest/manual/format_header.html
type rpmHeader struct {
	index []byte // entries of 16 bytes: tag, type, offset into data, number of values
	data  []byte
}

// parseHeader splits a header and checks its sizes.
func parseHeader(b []byte) (rpmHeader, error) {
	if len(b) < 8 {
		return rpmHeader{}, errors.New("a header of less than eight bytes")
	}
	n, size := uint64(binary.BigEndian.Uint32(b)), uint64(binary.BigEndian.Uint32(b[4:]))
	if have := uint64(len(b) - 8); 16*n+size > have {
		return rpmHeader{}, fmt.Errorf("a header of %d entries and %d bytes in %d bytes", n, size, have)
	}
	return rpmHeader{index: b[8 : 8+16*n], data: b[8+16*n : 8+16*n+size]}, nil
}

// find returns the data that starts with a tag's values, their type and their number.
func (h rpmHeader) find(tag uint32) (data []byte, kind, count uint32) {
	for e := h.index; len(e) > 0; e = e[16:] {
		if binary.BigEndian.Uint32(e) != tag {
			continue
		}
		off := binary.BigEndian.Uint32(e[8:])
		if uint64(off) > uint64(len(h.data)) {
			return nil, 0, 0
		}
		return h.data[off:], binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[12:])
	}
	return nil, 0, 0
}

// text returns the string of a tag, "" if there is none.
func (h rpmHeader) text(tag uint32) (string, error) {
	data, kind, count := h.find(tag)
	if count == 0 || !isText(kind) {
		return "", nil
	}
	s, _, ok := bytes.Cut(data[:min(len(data), maxText+1)], []byte{0})
	if !ok && len(s) > maxText {
		return "", fmt.Errorf("%w: a text of more than %d bytes has the tag %d", errCorrupt, maxText, tag)
	}
	if !ok {
		return "", nil
	}
	return string(s), nil
}

// texts returns the strings of a tag. Each ends with a NUL; a string without one is left out.
func (h rpmHeader) texts(tag uint32) []string {
	data, kind, count := h.find(tag)
	if !isText(kind) {
		return nil
	}
	var out []string
	for ; count > 0; count-- {
		s, rest, ok := bytes.Cut(data, []byte{0})
		if !ok {
			break
		}
		out = append(out, string(s))
		data = rest
	}
	return out
}

// isText reports whether values of a type are strings.
func isText(kind uint32) bool { return kind == rpmString || kind == rpmStringArray || kind == rpmI18N }

// numbers returns the numbers of a tag.
func (h rpmHeader) numbers(tag uint32) []uint32 { return h.firstNumbers(tag, math.MaxUint32) }

// firstNumbers returns at most the first most numbers of a tag.
func (h rpmHeader) firstNumbers(tag, most uint32) []uint32 {
	data, kind, count := h.find(tag)
	count = min(count, most)
	width := map[uint32]int{rpmInt8: 1, rpmInt16: 2, rpmInt32: 4}[kind]
	if width == 0 || uint64(count)*uint64(width) > uint64(len(data)) {
		return nil
	}
	out := make([]uint32, count)
	for i := range out {
		for _, b := range data[i*width : (i+1)*width] {
			out[i] = out[i]<<8 | uint32(b)
		}
	}
	return out
}
