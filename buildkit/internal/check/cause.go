package check

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// difference is two files that differ.
type difference struct {
	a, b      *os.File
	places    []Place
	otherwise string // what is likely if nothing else is
}

// describe says where the files differ first, and the likely cause.
func (d difference) describe(ctx context.Context) (string, error) {
	notes := append(buildIDs(d.a), buildIDs(d.b)...)
	at, err := first(ctx, d.a, d.b, notes)
	if err != nil {
		return "", err
	}
	if at < 0 { // only build IDs differ
		at, err = first(ctx, d.a, d.b, nil)
		if err != nil {
			return "", err
		}
	}
	cause, err := d.cause(ctx, at)
	if err != nil {
		return "", err
	}
	where := fmt.Sprintf("differs at byte %d", at)
	if s := sectionAt(d.a, at); s != "" {
		where += " (in " + s + ")"
	}
	words := fmt.Sprintf("%s: %s and %s", where, excerpt(d.a, at), excerpt(d.b, at))
	if cause != "" {
		words += "; likely cause: " + cause
	}
	return words, nil
}

// cause says what is likely to make the files differ, "" if that is unknown.
func (d difference) cause(ctx context.Context, at int64) (string, error) {
	if words := settings(d.a, d.b); words != "" {
		return words, nil
	}
	for _, p := range d.places {
		if p.Path == "" {
			continue
		}
		has, err := contains(ctx, d.b, p.Path)
		if err != nil {
			return "", err
		}
		if has {
			return "it has the path of " + p.Name + " in it", nil
		}
	}
	x, y := twoTimes(around(d.a, at), around(d.b, at))
	switch {
	case x != "":
		return fmt.Sprintf("a time, %q and %q", x, y), nil
	case isGzip(d.a) && isGzip(d.b) && at >= 4 && at < 8: // https://www.rfc-editor.org/rfc/rfc1952#page-5
		return "the time in the header of gzip; compress with gzip -n", nil
	case inRanges(buildIDs(d.a), at):
		return "only the build ID differs: the compiler or the linker was told something else, such as a path or a flag", nil
	}
	return d.otherwise, nil
}

// span is a range of bytes of a file.
type span struct{ from, to int64 }

func inRanges(list []span, at int64) bool {
	return slices.ContainsFunc(list, func(s span) bool { return at >= s.from && at < s.to })
}

// buildIDs returns where an ELF file has its build IDs. They are sums of everything else in the file, and so never the first cause.
func buildIDs(f io.ReaderAt) (list []span) {
	program, err := elf.NewFile(f)
	if err != nil {
		return nil
	}
	for _, s := range program.Sections {
		if s.Name == ".note.go.buildid" || s.Name == ".note.gnu.build-id" {
			list = append(list, span{int64(s.Offset), int64(s.Offset + s.FileSize)})
		}
	}
	return list
}

// sectionAt returns the name of an ELF file's section with a byte, "" if there is none.
func sectionAt(f io.ReaderAt, at int64) string {
	program, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	for _, s := range program.Sections {
		if s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL && at >= int64(s.Offset) && at < int64(s.Offset+s.FileSize) {
			return s.Name
		}
	}
	return ""
}

// first returns the first byte that differs, outside of the ranges; -1 if there is none. A file that ends differs there.
func first(ctx context.Context, a, b io.ReaderAt, except []span) (int64, error) {
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; at += int64(len(x)) {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		n, err := a.ReadAt(x, at)
		m, also := b.ReadAt(y, at)
		for _, err := range []error{err, also} {
			if err != nil && !errors.Is(err, io.EOF) {
				return 0, err
			}
		}
		for i := range min(n, m) {
			if x[i] != y[i] && !inRanges(except, at+int64(i)) {
				return at + int64(i), nil
			}
		}
		switch {
		case n != m:
			return at + int64(min(n, m)), nil
		case n < len(x):
			return -1, nil
		}
	}
}

// excerpt returns the bytes of a file from an offset on, for people. They are few: a file may have a secret in it.
func excerpt(f io.ReaderAt, at int64) string {
	b := make([]byte, 8)
	n, _ := f.ReadAt(b, at) // what cannot be read is not shown
	if b = b[:n]; n > 0 && !bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%q", b)
	}
	return cmp.Or(fmt.Sprintf("%x", b), "nothing")
}

// around returns the bytes of a file near an offset: as long as a time may be.
func around(f io.ReaderAt, at int64) []byte {
	const reach = 32
	from := max(0, at-reach)
	b := make([]byte, at-from+reach)
	n, _ := f.ReadAt(b, from) // what cannot be read has no time
	return b[:n]
}

// times matches what looks like a time: a date, a time of a day, or seconds since 1970.
var times = regexp.MustCompile(`[12][09][0-9]{2}-?[01][0-9]-?[0-3][0-9]([T _]?[0-9]{2}:?[0-9]{2}(:?[0-9]{2})?)?|[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?|[12][0-9]{9}`)

// twoTimes returns what looks like a time in two texts, and is another one in each; "" for nothing.
func twoTimes(a, b []byte) (x, y string) {
	xs, ys := times.FindAll(a, -1), times.FindAll(b, -1)
	for i := range min(len(xs), len(ys)) {
		if !bytes.Equal(xs[i], ys[i]) {
			return string(xs[i]), string(ys[i])
		}
	}
	return "", ""
}

func isGzip(f io.ReaderAt) bool {
	b := make([]byte, 2)
	_, err := f.ReadAt(b, 0)
	return err == nil && b[0] == 0x1f && b[1] == 0x8b
}

// settings says which setting of the go command two programs do not have in common, "" if they have all, or are no Go programs.
func settings(a, b io.ReaderAt) string {
	x, err := linked.ReadBuild(a)
	if err != nil {
		return ""
	}
	y, err := linked.ReadBuild(b)
	if err != nil {
		return ""
	}
	ours, theirs := map[string]string{"version of Go": x.GoVersion}, map[string]string{"version of Go": y.GoVersion}
	for _, s := range x.Settings {
		ours[s.Key] = s.Value
	}
	for _, s := range y.Settings {
		theirs[s.Key] = s.Value
	}
	all := maps.Clone(ours)
	maps.Copy(all, theirs)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if ours[key] != theirs[key] {
			return fmt.Sprintf("the %s of the build is %q and %q", key, ours[key], theirs[key])
		}
	}
	return ""
}

// contains reports whether a file has a text in it.
func contains(ctx context.Context, f io.ReaderAt, text string) (bool, error) {
	r := fsx.Reader(ctx, io.NewSectionReader(f, 0, 1<<62))
	b := make([]byte, 256<<10)
	kept := 0 // the end of the last piece, which may have the beginning of the text
	for {
		n, err := r.Read(b[kept:])
		if bytes.Contains(b[:kept+n], []byte(text)) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		end := kept + n
		kept = min(end, len(text)-1)
		copy(b, b[end-kept:end])
	}
}
