package libraries

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Kept is a [Set] that a build has stored in dist/NAME/system, with what it depends on. A program whose code has changed but that
// asks its libraries for the same needs the same, as long as the sysroot stays as it is.
type Kept struct {
	Key     string          // see [Found.keptKey]
	Asked   map[string]bool // Go functions that were asked for, and whether they are linked
	Set     Set
	Entries []keptEntry // of the tree

	reads *record.Snapshot // of the sysroot
}

// keptEntry is a [rootfs.Entry] whose source is named.
type keptEntry struct {
	Path   string
	Mode   fs.FileMode
	Link   string `json:",omitempty"`
	Size   int64  `json:",omitempty"`
	Reason string
	For    string `json:",omitempty"`
	Name   string `json:",omitempty"` // of a file in the sysroot
	Bytes  []byte `json:",omitempty"` // of a file that was made
}

// ReadKept reads the libraries that the last build has kept. It returns nil if there is none, or if the sysroot has changed since. The program need
// not be there for it.
func ReadKept(d dist.Folder) *Kept {
	m, err := read(d.System())
	if err != nil || len(m.reads.Changed(&record.StatCache{})) > 0 {
		return nil
	}
	return m
}

func read(path string) (*Kept, error) {
	text, err := record.ReadSealed(path)
	if err != nil {
		return nil, err
	}
	head, reads, ok := strings.Cut(text, "\n\n")
	if !ok {
		return nil, fmt.Errorf("reading %q: it is not whole", path)
	}
	m := &Kept{}
	if err := json.Unmarshal([]byte(head), m); err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	m.reads, err = record.Parse(reads)
	return m, err
}

// recall takes over the answer for the last build if it still holds.
func (f *Found) recall() bool {
	if f.query.Plan.Run.Key == "" {
		return false
	}
	var err error
	if f.key, err = f.keptKey(); err != nil {
		f.key = ""
		return false
	}
	m := f.query.Earlier
	if m == nil || m.Key != f.key {
		return false
	}
	for function, was := range m.Asked {
		if f.has(function) != was {
			return false
		}
	}
	for _, path := range m.reads.Paths() {
		f.reads.Add(path)
	}
	f.Set, f.recalled = m.Set, m
	return true
}

// keptKey returns a checksum of what the answer depends on, except the sysroot and the Go functions that are asked for. The user's
// files are in it by their paths: one may be where a loader looks.
func (f *Found) keptKey() (string, error) {
	p, program := f.query.Plan, f.query.Program
	interfaces, err := ldd.Interface(program.Path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %s\n", p.Run.Key, p.Name, interfaces, f.Sysroot)
	if p.Base != nil {
		fmt.Fprintln(h, p.Base.ConfigDigest)
	}
	if program.Linked != nil {
		fmt.Fprintf(h, "%v\n", program.Linked.Needs())
		if info := program.Linked.Build(); info != nil {
			fmt.Fprintln(h, info)
		}
	}
	for _, e := range f.query.Base.Entries() {
		fmt.Fprintf(h, "%s %v %d %d %q\n", e.Path, e.Mode, e.UID, e.GID, e.Link)
		if e.Layer == rootfs.Files && e.Mode.IsRegular() && strings.Contains(e.Path, ".so") {
			return "", errNotKept // a library among the user's files: its content counts
		}
	}
	if err := executableSums(h, f.query.Base); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

var errNotKept = errors.New("the answer cannot be kept")

// Keep stores a computed answer for the next build. tree is the tree of the image. notes are all notes that also hold for that build, and
// reads are further paths that the tree depends on. An answer that cannot be stored is computed again.
func (f *Found) Keep(tree *rootfs.Tree, notes, reads []string) error {
	if f.recalled != nil || f.key == "" {
		return nil
	}
	path := f.query.Plan.Dist().System()
	m := &Kept{Key: f.key, Asked: f.asked, Set: f.Set}
	m.Set.Notes = notes
	for _, e := range tree.Beyond(f.query.Base) {
		if e.Layer == rootfs.Program {
			continue
		}
		kept, ok := keep(e)
		if !ok {
			return fsx.Remove(path)
		}
		m.Entries = append(m.Entries, kept)
	}
	all := &record.Set{}
	for _, path := range slices.Concat(f.reads.Paths(), reads) {
		all.Add(path)
	}
	var err error
	var doubt *record.DoubtError
	if m.reads, err = all.Take(f.query.Plan.Run.Began); errors.As(err, &doubt) {
		return fsx.Remove(path)
	}
	if err != nil {
		return err
	}
	return m.write(path)
}

// write writes the file, whole or not at all: a line of JSON, then an empty line and the snapshot.
func (m *Kept) write(path string) error {
	head, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return dist.Replace(path, record.Seal(string(head)+"\n\n"+m.reads.String()))
}

func keep(e rootfs.Entry) (keptEntry, bool) {
	kept := keptEntry{Path: e.Path, Mode: e.Mode, Link: e.Link, Size: e.Size, Reason: e.Reason, For: e.For}
	if e.UID != 0 || e.GID != 0 || e.Layer != rootfs.System {
		return kept, false
	}
	if !e.Mode.IsRegular() {
		return kept, true
	}
	if name, ok := e.Source.Sysroot(); ok {
		kept.Name = name
		return kept, true
	}
	content, ok := e.Source.Content()
	kept.Bytes = []byte(content)
	return kept, ok
}

// entries returns the entries with their sources in a sysroot, or in the sysroot as programs among the user's files see it.
func (m *Kept) entries(sys, beside ldd.FS) []rootfs.Entry {
	var entries []rootfs.Entry
	for _, k := range m.Entries {
		e := rootfs.Entry{Path: k.Path, Mode: k.Mode, Link: k.Link, Size: k.Size, Reason: k.Reason, For: k.For}
		switch {
		case !k.Mode.IsRegular():
		case k.Name != "":
			e.Source = rootfs.SysrootFile(sys, k.Name)
			if _, err := sys.Lstat(k.Name); err != nil {
				e.Source = rootfs.SysrootFile(beside, k.Name)
			}
		default:
			e.Source = rootfs.Bytes(k.Bytes)
		}
		entries = append(entries, e)
	}
	return entries
}
