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

// state is what is compared of a path; the zero value is that nothing is there.
type state struct {
	mode          fs.FileMode
	size          int64
	modified      int64 // nanoseconds since 1970
	changed       int64
	inode, device uint64
	names         uint64 // checksum of the names in a folder; its size and times are not compared
}

// second is the resolution of file systems that know no fractions, in nanoseconds.
const second = 1e9

// after tells whether another change of the path might not be seen: its times are after the limit, or have
// no fractions and are not two seconds before it (FAT counts by two).
func (s state) after(limit int64) bool {
	latest := max(s.modified, s.changed)
	if s.modified%second == 0 && s.changed%second == 0 {
		latest += 2 * second
	}
	return s != (state{}) && latest > limit
}

// sum is a checksum of a state.
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

// Changed returns the paths that have another state now, in order. Snapshots that are asked one after the
// other share what is seen.
func (s *Snapshot) Changed(l *Look) []string {
	var paths []string
	for _, e := range s.entries {
		if l.sum(e.path, s.noise) != e.sum {
			paths = append(paths, e.path)
		}
	}
	return paths
}

// Look remembers the states of paths for a moment in which they do not change. The zero value has seen
// nothing.
type Look struct {
	seen  map[string]seen
	texts map[string][]string // what has changed of whole snapshots, by their texts
}

// seen is what was seen of a path.
type seen struct {
	sum    uint64
	latest int64 // of its times, in nanoseconds since 1970
}

// Changed is [Snapshot.Changed] of a snapshot as text. What many builds have read alike is parsed and looked at once.
func (l *Look) Changed(text string) ([]string, error) {
	if paths, ok := l.texts[text]; ok {
		return paths, nil
	}
	s, err := Parse(text)
	if err != nil {
		return nil, err
	}
	paths := s.Changed(l)
	if l.texts == nil {
		l.texts = map[string][]string{}
	}
	l.texts[text] = paths
	return paths, nil
}

// sum is the checksum of the state of a path; one that cannot be told is none that a snapshot has.
func (l *Look) sum(path, noise string) uint64 {
	if s, ok := l.seen[path]; ok {
		return s.sum
	}
	st, err := look(path, noise)
	s := seen{st.sum(), max(st.modified, st.changed)}
	if err != nil {
		s.sum = 0
	}
	if l.seen == nil {
		l.seen = map[string]seen{}
	}
	l.seen[path] = s
	return s.sum
}

// Settle waits until a further change of what was seen could be told from the last one: somebody who saves a
// file and builds at once would else leave a doubt about it. It forgets what was young when the build began,
// waits for the rest of a tick of the clock for files, and says whether anything was young: the build then
// has to begin anew. Folders in which the build's own tools write are left out, by their paths.
func (l *Look) Settle(began time.Time, busy ...string) bool {
	var latest int64
	limit := began.Add(-Granularity).UnixNano()
	for path, s := range l.seen {
		// What is from the future stays in doubt.
		if s.latest > limit && s.latest <= time.Now().UnixNano() && !slices.Contains(busy, path) {
			latest = max(latest, s.latest)
			delete(l.seen, path)
		}
	}
	if latest == 0 {
		return false
	}
	l.texts = nil
	time.Sleep(time.Until(time.Unix(0, latest).Add(Granularity)))
	return true
}

// Sum returns a checksum of the state of a file that is about to be read by a build that began at the time,
// for a later build to know it by. The error is a [*DoubtError] where a change may go unseen.
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

// Files returns the paths that [Set.Add] has noted, sorted, without those of [Set.AddStamp].
func (s *Snapshot) Files() []string {
	return slices.DeleteFunc(s.Paths(), func(path string) bool { return strings.HasSuffix(path, stamp) })
}

// String is the snapshot as text, a line for each path, for [Parse].
func (s *Snapshot) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q\n", s.noise)
	for _, e := range s.entries {
		fmt.Fprintf(&b, "%016x %q\n", e.sum, e.path)
	}
	return b.String()
}

// Parse reads what [Snapshot.String] has written.
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
