package check

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Other is the image of a second build.
type Other struct {
	Config []byte         // the document
	Layers []*image.Layer // the lowest first; those of a base need not be readable
	Places []Place        // where it was built; a file with such a path in it depends on the place
	Temp   string         // a folder for the files that differ
	Why    string         // why the build has failed; "" if there is an image
	Said   []string       // the last lines that the failed build has written
}

// Place is a path of a second build that the first one did not have.
type Place struct{ Name, Path string } // "the folder of the checkout"

// Reproducible compares an image with that of a second build. An error says that one of the two cannot be read.
func Reproducible(ctx context.Context, r result.Result, other Other) (Verdict, error) {
	const fix = "make it the same in each build: no time, no path and no number by chance in Build.Before, in LDFlags and in what Files names; docs/check.md has the usual causes"
	if other.Why != "" {
		what := "the second build, in a copy of the checkout, has failed: " + other.Why
		return Verdict{Rule: "reproducible", What: what, Details: append([]string{}, other.Said...),
			Fix: "let the build read nothing by an absolute path, and nothing outside of the checkout"}, nil
	}
	sum := digest.FromBytes(other.Config)
	if sum == r.Image.ConfigDigest {
		return verdict("reproducible", "a second build elsewhere has the same digest, "+sum.Encoded()[:12], nil, "", ""), nil
	}
	c := comparison{ctx: ctx, result: r, other: other}
	differ, err := c.differences()
	if err != nil {
		return Verdict{}, fmt.Errorf("comparing image %q with that of the second build: %w", r.Plan.Reference, err)
	}
	what := fmt.Sprintf("a second build elsewhere has another digest: %s and %s", r.Image.ConfigDigest.Encoded()[:12], sum.Encoded()[:12])
	return verdict("reproducible", "", differ, what, fix), nil
}

// comparison is the comparison of two images of one plan.
type comparison struct {
	ctx    context.Context
	result result.Result
	other  Other
}

// differences says, one a line, in what the images differ: at least one thing.
func (c comparison) differences() ([]string, error) {
	ofBase := 0
	if b := c.result.Plan.Base; b != nil {
		ofBase = len(b.Image.Layers)
	}
	for i, l := range c.result.Image.Layers[:ofBase] {
		if i >= len(c.other.Layers) || c.other.Layers[i].DiffID != l.DiffID {
			return []string{fmt.Sprintf("the base %s was another image in the second build; likely cause: its tag has moved meanwhile", c.result.Plan.BaseName)}, nil
		}
	}
	list, err := c.files(c.result.Image.Layers[ofBase:], c.other.Layers[min(ofBase, len(c.other.Layers)):])
	if err != nil {
		return nil, err
	}
	configured, err := configDifferences(c.result.Image.RawConfig, c.other.Config)
	if err != nil {
		return nil, err
	}
	if list = append(list, configured...); len(list) == 0 {
		list = []string{"the configurations are written differently"}
	}
	return list, nil
}

// fact describes an entry of an image.
type fact struct {
	layer  string // for people
	header *tar.Header
	sum    [sha256.Size]byte // of a file's bytes
}

// files says which files differ.
func (c comparison) files(first, second []*image.Layer) ([]string, error) {
	if slices.EqualFunc(first, second, func(a, b *image.Layer) bool { return a.DiffID == b.DiffID }) {
		return nil, nil
	}
	ours, err := facts(c.ctx, first)
	if err != nil {
		return nil, err
	}
	theirs, err := facts(c.ctx, second)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(ours)
	maps.Copy(all, theirs)
	var list, changed []string
	at := map[string]int{} // where in the list a changed file is
	for _, path := range slices.Sorted(maps.Keys(all)) {
		a, isOurs := ours[path]
		b, isTheirs := theirs[path]
		switch {
		case !isTheirs:
			list = append(list, fmt.Sprintf("%s, layer %s: only the first build has it%s", path, a.layer, c.reason(path)))
		case !isOurs:
			list = append(list, fmt.Sprintf("%s, layer %s: only the second build has it", path, b.layer))
		case headers(a, b) != "":
			list = append(list, fmt.Sprintf("%s, layer %s: %s%s", path, a.layer, headers(a, b), c.reason(path)))
		case a.sum != b.sum:
			list = append(list, fmt.Sprintf("%s, layer %s: ", path, a.layer))
			at[path] = len(list) - 1
			changed = append(changed, path)
		}
	}
	if len(list) == 0 {
		return []string{"the layers have the same files in another order"}, nil
	}
	for _, path := range changed[:min(len(changed), maxDetails)] {
		words, err := c.content(first, second, path)
		if err != nil {
			return nil, err
		}
		list[at[path]] += words
	}
	return list, nil
}

// reason says for people why a path of the first image is in it.
func (c comparison) reason(path string) string {
	if e, ok := c.result.Tree.Lookup(path); ok {
		return " (" + e.Reason + ")"
	}
	return ""
}

// headers says in what two entries differ apart from their bytes, "" if in nothing.
func headers(a, b fact) string {
	switch {
	case a.header.Typeflag != b.header.Typeflag:
		return "a file, a folder or a link, and another of these in the second build"
	case a.header.Linkname != b.header.Linkname:
		return fmt.Sprintf("a link to %q, and to %q in the second build", a.header.Linkname, b.header.Linkname)
	case a.header.Mode != b.header.Mode:
		return fmt.Sprintf("the mode is %04o, and %04o in the second build", a.header.Mode, b.header.Mode)
	case a.header.Uid != b.header.Uid, a.header.Gid != b.header.Gid:
		return fmt.Sprintf("the owner is %d:%d, and %d:%d in the second build", a.header.Uid, a.header.Gid, b.header.Uid, b.header.Gid)
	case !a.header.ModTime.Equal(b.header.ModTime):
		return fmt.Sprintf("the time is %s, and %s in the second build", a.header.ModTime.UTC(), b.header.ModTime.UTC())
	}
	return ""
}

// facts describes the entries of layers by their paths. Of two entries of one path the upper one counts.
func facts(ctx context.Context, layers []*image.Layer) (map[string]fact, error) {
	all := map[string]fact{}
	for _, l := range layers {
		err := entries(ctx, l, func(path string, h *tar.Header, r io.Reader) error {
			f := fact{header: h}
			f.layer, _, _ = strings.Cut(l.CreatedBy, ":") // "system", "files" or "program"
			sum := sha256.New()
			_, err := io.Copy(sum, r)
			sum.Sum(f.sum[:0])
			all[path] = f
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// entries calls visit with each entry of a layer.
func entries(ctx context.Context, l *image.Layer, visit func(path string, h *tar.Header, r io.Reader) error) error {
	r, w := io.Pipe()
	defer r.Close() // ends the writer
	go func() { w.CloseWithError(l.WriteTo(ctx, w)) }()
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r) // what is after the last entry, and why the writer has ended
			return err
		}
		if err == nil {
			err = visit("/"+strings.TrimSuffix(h.Name, "/"), h, t)
		}
		if err != nil {
			return err
		}
	}
}

// content says how the bytes of a file differ.
func (c comparison) content(first, second []*image.Layer, path string) (words string, err error) {
	a, err := c.extract(first, path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.Close(), os.Remove(a.Name())) }()
	b, err := c.extract(second, path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.Close(), os.Remove(b.Name())) }()
	d := difference{a: a, b: b, places: c.other.Places}
	if e, ok := c.result.Tree.Lookup(path); ok && e.Layer == rootfs.Files {
		source, _ := e.Source.Host()
		d.otherwise = fmt.Sprintf("%s had other bytes in the second build (%s)", c.result.Plan.Show(source), e.Reason)
	}
	return d.describe(c.ctx)
}

// extract writes a file of an image to a temporary file.
func (c comparison) extract(layers []*image.Layer, path string) (f *os.File, err error) {
	if f, err = os.CreateTemp(c.other.Temp, "differs-"); err != nil {
		return nil, err
	}
	found := false
	for _, l := range slices.Backward(layers) {
		err = entries(c.ctx, l, func(p string, _ *tar.Header, r io.Reader) error {
			if p != path {
				return nil
			}
			found = true
			_, err := io.Copy(f, r)
			return err
		})
		if err != nil || found {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// configDifferences says which values of two configurations differ. Layers are left out: their files are compared.
func configDifferences(first, second []byte) ([]string, error) {
	var a, b map[string]any
	if err := errors.Join(json.Unmarshal(first, &a), json.Unmarshal(second, &b)); err != nil {
		return nil, fmt.Errorf("reading the configurations: %w", err)
	}
	delete(a, "rootfs")
	delete(b, "rootfs")
	var list []string
	valueDifferences("", a, b, &list)
	for i := range list {
		list[i] = "the image's configuration: " + list[i]
	}
	return list, nil
}

// valueDifferences adds the paths of all values that differ. Values of variables may be secrets and are left out.
func valueDifferences(at string, a, b any, list *[]string) {
	if reflect.DeepEqual(a, b) {
		return
	}
	x, isObject := a.(map[string]any)
	y, both := b.(map[string]any)
	if isObject && both {
		all := maps.Clone(x)
		maps.Copy(all, y)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			valueDifferences(strings.TrimPrefix(at+"."+key, "."), x[key], y[key], list)
		}
		return
	}
	if l, isList := a.([]any); isList && at != "config.Env" {
		if m, both := b.([]any); both && len(l) == len(m) {
			for i := range l {
				valueDifferences(fmt.Sprintf("%s[%d]", at, i), l[i], m[i], list)
			}
			return
		}
	}
	if s, t := fmt.Sprint(a), fmt.Sprint(b); at != "config.Env" {
		words := fmt.Sprintf("%s is %.100q and %.100q", at, s, t)
		if x, _ := twoTimes([]byte(s), []byte(t)); x != "" {
			words += "; likely cause: a time"
		}
		*list = append(*list, words)
		return
	}
	*list = append(*list, at+" has another value")
}
