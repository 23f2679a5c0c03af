package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// state is what is compared of a path. The zero value means that nothing is there.
type state struct {
	mode          fs.FileMode
	size          int64
	modified      int64 // nanoseconds since 1970
	changed       int64
	inode, device uint64
	names         uint64 // checksum of the names in a folder; its size and times are not compared
}

// second is the resolution of file systems without fractions of a second, in nanoseconds.
const second = 1e9

// after reports whether another change of the path might go undetected: its times are after the limit, or have no
// fractions and are less than two seconds before it (FAT counts in steps of two).
func (s state) after(limit int64) bool {
	latest := max(s.modified, s.changed)
	if s.modified%second == 0 && s.changed%second == 0 {
		latest += 2 * second
	}
	return s != (state{}) && latest > limit
}

// sum returns a checksum of a state.
func (s state) sum() uint64 {
	if s.mode.IsDir() {
		s.size, s.modified, s.changed = 0, 0, 0
	}
	h := fnv.New64a()
	for _, v := range []uint64{uint64(s.mode), uint64(s.size), uint64(s.modified), uint64(s.changed), s.inode, s.device, s.names} {
		h.Write(binary.LittleEndian.AppendUint64(nil, v))
	}
	return h.Sum64()
}

// Snapshot is the states of many paths.
type Snapshot struct {
	noise   string
	entries []entry
}

type entry struct {
	path string
	sum  uint64
}

// Changed returns the paths whose state has changed, in order. Several snapshots can share the states in c.
func (s *Snapshot) Changed(c *StatCache) []string {
	var paths []string
	for _, e := range s.entries {
		if c.sum(e.path, s.noise) != e.sum {
			paths = append(paths, e.path)
		}
	}
	return paths
}

// StatCache caches the states of paths while they do not change. The zero value is empty.
type StatCache struct {
	seen  map[string]seen
	texts map[string][]string // changed paths of whole snapshots, by the snapshots' texts
}

// seen is the cached state of a path.
type seen struct {
	sum    uint64
	latest int64 // the latest of its times, in nanoseconds since 1970
}

// Changed is [Snapshot.Changed] for a snapshot as text. Snapshots with equal texts are parsed and compared once.
func (c *StatCache) Changed(text string) ([]string, error) {
	if paths, ok := c.texts[text]; ok {
		return paths, nil
	}
	s, err := Parse(text)
	if err != nil {
		return nil, err
	}
	paths := s.Changed(c)
	if c.texts == nil {
		c.texts = map[string][]string{}
	}
	c.texts[text] = paths
	return paths, nil
}

// sum returns the checksum of the state of a path. If the state is unknown, no snapshot has the checksum.
func (c *StatCache) sum(path, noise string) uint64 {
	if s, ok := c.seen[path]; ok {
		return s.sum
	}
	st, err := look(path, noise)
	s := seen{st.sum(), max(st.modified, st.changed)}
	if err != nil {
		s.sum = 0
	}
	if c.seen == nil {
		c.seen = map[string]seen{}
	}
	c.seen[path] = s
	return s.sum
}

// Settle waits until another change of the seen paths would be detected. Without it, saving a file and building at once
// would leave the file in doubt. It forgets the paths that were young when the build began, waits for the rest of a
// tick of the clock for files, and reports whether any path was young. If so, the build must begin again. The paths in
// busy are left out: they are folders in which the build's own tools write.
func (c *StatCache) Settle(began time.Time, busy ...string) bool {
	var latest int64
	limit := began.Add(-Granularity).UnixNano()
	for path, s := range c.seen {
		// A path with a time in the future stays in doubt.
		if s.latest > limit && s.latest <= time.Now().UnixNano() && !slices.Contains(busy, path) {
			latest = max(latest, s.latest)
			delete(c.seen, path)
		}
	}
	if latest == 0 {
		return false
	}
	c.texts = nil
	time.Sleep(time.Until(time.Unix(0, latest).Add(Granularity)))
	return true
}

// Sum returns a checksum of the state of a file, for a later build to compare. Call it before reading the file, in a build
// that began at the given time. It fails with a [*DoubtError] if a change might go undetected.
func Sum(path string, began time.Time) (uint64, error) {
	st, err := look(path, "")
	if err == nil && (st == state{} || st.after(began.Add(-Granularity).UnixNano())) {
		err = &DoubtError{path, "is not there, or changed while it was read or shortly before"}
	}
	return st.sum(), err
}

// Paths returns all paths, sorted.
func (s *Snapshot) Paths() []string {
	paths := make([]string, len(s.entries))
	for i, e := range s.entries {
		paths[i] = e.path
	}
	return paths
}

// Files returns the paths of [Set.Add], sorted, without those of [Set.AddStamp].
func (s *Snapshot) Files() []string {
	return slices.DeleteFunc(s.Paths(), func(path string) bool { return strings.HasSuffix(path, stamp) })
}

// String returns the snapshot as text, a line for each path, for [Parse].
func (s *Snapshot) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q\n", s.noise)
	for _, e := range s.entries {
		fmt.Fprintf(&b, "%016x %q\n", e.sum, e.path)
	}
	return b.String()
}

// Parse parses the text of [Snapshot.String].
func Parse(text string) (*Snapshot, error) {
	first, rest, _ := strings.Cut(text, "\n")
	noise, err := strconv.Unquote(first)
	if err != nil {
		return nil, fmt.Errorf("reading a snapshot: it begins with %q", first)
	}
	s := &Snapshot{noise: noise}
	if rest == "" {
		return s, nil
	}
	for _, line := range strings.Split(strings.TrimSuffix(rest, "\n"), "\n") {
		sum, quoted, _ := strings.Cut(line, " ")
		n, sumErr := strconv.ParseUint(sum, 16, 64)
		path, pathErr := strconv.Unquote(quoted)
		if err := errors.Join(sumErr, pathErr); err != nil {
			return nil, fmt.Errorf("reading a snapshot: the line %q: %w", line, err)
		}
		s.entries = append(s.entries, entry{path, n})
	}
	return s, nil
}
