package buildkit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// system is what the program's libraries, and what they open, have brought into an
// image. A program whose code has changed and that asks its libraries for the same
// has the same, as long as the sysroot stays as it is. It is kept in
// dist/NAME/system.
type system struct {
	Key        string          // see [Built.systemKey]
	Asked      map[string]bool // functions of Go that were asked for, and whether they are linked
	Loader     string          // path of the loader, "" for a static program
	Words      string          // for people
	Loaded     []string        // paths of what the image's user has to be able to read
	Objects    []libraries.Object
	Opened     []libraries.Opened
	Entries    []systemEntry
	Notes      []string
	Candidates []Candidate

	reads *record.Snapshot // of the sysroot
}

// systemEntry is a [rootfs.Entry] whose source is named.
type systemEntry struct {
	Path   string
	Mode   fs.FileMode
	Link   string `json:",omitempty"`
	Size   int64  `json:",omitempty"`
	Reason string
	For    string `json:",omitempty"`
	Name   string `json:",omitempty"` // of a file in the sysroot
	Bytes  []byte `json:",omitempty"` // of a file that was made
}

// systemKey is a checksum of what decides about the system, beside the sysroot and
// the functions that are asked for. The user's files are among it by their places:
// one may stand where a loader looks.
func (b *Built) systemKey() (string, error) {
	p := b.Plan
	program, err := ldd.Interface(b.Binary.Path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %s\n", p.Run.Key, p.Name, program, b.sysroot())
	if p.Base != nil {
		fmt.Fprintln(h, p.Base.ConfigDigest)
	}
	if b.linked != nil {
		fmt.Fprintf(h, "%v\n", b.linked.Needs())
		if info := b.linked.Build(); info != nil {
			fmt.Fprintln(h, info)
		}
	}
	for _, e := range b.base.Entries() {
		fmt.Fprintf(h, "%s %v %d %d %q\n", e.Path, e.Mode, e.UID, e.GID, e.Link)
		if e.Layer == rootfs.Files && e.Mode.IsRegular() && strings.Contains(e.Path, ".so") {
			return "", errNotKept // a library among the user's files: its content counts
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// errNotKept is that a system cannot be kept.
var errNotKept = errors.New("the system is not kept")

// recallSystem takes over the system of the last build when it stands; done is
// false when it does not, and everything has to be computed.
func (b *Built) recallSystem() (done bool) {
	if b.Plan.Run.Key == "" {
		return false
	}
	var err error
	if b.key, err = b.systemKey(); err != nil {
		b.key = ""
		return false
	}
	b.lookAtSystem()
	s := b.before
	if s == nil || s.Key != b.key {
		return false
	}
	for function, was := range s.Asked {
		if b.hasFunction(function) != was {
			return false
		}
	}
	b.system = s
	for _, path := range s.reads.Paths() {
		b.reads.Add(path)
	}
	return true
}

// lookAtSystem reads the system of the last build, once, if the sysroot is as it was then.
// The program need not be there for it.
func (b *Built) lookAtSystem() {
	if b.looked || b.Plan.Run.Key == "" {
		return
	}
	b.looked = true
	if s, err := readSystem(b.Plan.Dist().System()); err == nil && len(s.reads.Changed(&record.Look{})) == 0 {
		b.before = s
	}
}

// hasFunction tells whether a function is linked into the program, and notes that it
// was asked for.
func (b *Built) hasFunction(name string) bool {
	if b.asked == nil {
		b.asked = map[string]bool{}
	}
	b.asked[name] = b.linked.Has(name)
	return b.asked[name]
}

// keepSystem keeps what was computed for the next build. What cannot be kept is
// computed again.
func (b *Built) keepSystem() error {
	path := b.Plan.Dist().System()
	if b.recalled || b.key == "" {
		return nil
	}
	s := b.system
	s.Key, s.Asked = b.key, b.asked
	for _, e := range b.Tree.Beyond(b.base) {
		if e.Layer == rootfs.Program {
			continue
		}
		kept, ok := keptEntry(e)
		if !ok {
			return fsx.Remove(path)
		}
		s.Entries = append(s.Entries, kept)
	}
	var err error
	var doubt *record.DoubtError
	if s.reads, err = b.reads.Take(b.Plan.Run.Began); errors.As(err, &doubt) {
		return fsx.Remove(path)
	}
	if err != nil {
		return err
	}
	return s.write(path)
}

// write writes the system, whole or not at all: a line of JSON, and behind an empty line the snapshot.
func (s *system) write(path string) error {
	head, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return dist.Replace(path, record.Seal(string(head)+"\n\n"+s.reads.String()))
}

func keptEntry(e rootfs.Entry) (systemEntry, bool) {
	kept := systemEntry{Path: e.Path, Mode: e.Mode, Link: e.Link, Size: e.Size, Reason: e.Reason, For: e.For}
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

// entries are the entries again, with their sources in a sysroot.
func (s *system) entries(sys ldd.FS) []rootfs.Entry {
	var entries []rootfs.Entry
	for _, k := range s.Entries {
		e := rootfs.Entry{Path: k.Path, Mode: k.Mode, Link: k.Link, Size: k.Size, Reason: k.Reason, For: k.For}
		switch {
		case !k.Mode.IsRegular():
		case k.Name != "":
			e.Source = rootfs.SysrootFile(sys, k.Name)
		default:
			e.Source = rootfs.Bytes(k.Bytes)
		}
		entries = append(entries, e)
	}
	return entries
}

func readSystem(path string) (*system, error) {
	text, err := record.ReadSealed(path)
	if err != nil {
		return nil, err
	}
	head, reads, ok := strings.Cut(text, "\n\n")
	if !ok {
		return nil, fmt.Errorf("reading %q: it is not whole", path)
	}
	s := &system{}
	if err := json.Unmarshal([]byte(head), s); err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	s.reads, err = record.Parse(reads)
	return s, err
}
