package record

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Set is a set of paths on the host. Many goroutines may fill it at once. The zero value is empty.
type Set struct {
	// Noise is the name of a file that others create and remove, and that the build ignores.
	Noise string
	// Began has the [Names] of folders with noise, from when the build began.
	Began map[string]uint64

	mu    sync.Mutex
	paths map[string]bool
}

// Add adds a path: a file, a folder with the names in it, a link itself, or a missing path.
func (s *Set) Add(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paths == nil {
		s.paths = map[string]bool{}
	}
	s.paths[filepath.Clean(path)] = true
}

// AddStamp adds a folder by its own times, which change when a name in it appears or goes. It costs one stat for any
// number of names. Use it only for a folder that nothing else writes to.
func (s *Set) AddStamp(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paths == nil {
		s.paths = map[string]bool{}
	}
	s.paths[filepath.Clean(dir)+stamp] = true
}

// stamp ends the path of a folder that was added by AddStamp. No clean path ends with it.
const stamp = string(filepath.Separator) + "."

// AddFolders adds a folder and all folders below it, but those that skip names. Any new entry in one of them is then a
// change. A path that is not a folder is added as it is.
func (s *Set) AddFolders(dir string, skip func(path string) bool) error {
	return s.walk(dir, skip, false)
}

// AddTree adds a folder and everything below it, but folders that skip names.
func (s *Set) AddTree(dir string, skip func(path string) bool) error { return s.walk(dir, skip, true) }

func (s *Set) walk(dir string, skip func(string) bool, files bool) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			s.Add(path)
			return nil
		case err != nil:
			return err
		case e.IsDir() && path != dir && skip != nil && skip(path):
			return fs.SkipDir
		case e.IsDir() || files || path == dir:
			s.Add(path)
		}
		return nil
	})
}

// Paths returns all paths, sorted.
func (s *Set) Paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	paths := make([]string, 0, len(s.paths))
	for p := range s.paths {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// DoubtError reports a path whose next change might not be detected.
type DoubtError struct {
	Path string
	Why  string
}

// Error returns the path and why it is in doubt.
func (e *DoubtError) Error() string { return fmt.Sprintf("%q %s", e.Path, e.Why) }

// Granularity is the least time between two changes for their times to differ: the kernel's clock for files ticks at
// least every 10 ms (CONFIG_HZ), see inode_set_ctime_current.
const Granularity = 12 * time.Millisecond

// Take returns a snapshot of the paths, for a build that began to read them at the given time. If a path has changed
// since, or may have, it fails with a [*DoubtError].
func (s *Set) Take(began time.Time) (*Snapshot, error) {
	limit := began.Add(-Granularity).UnixNano()
	snap := &Snapshot{noise: s.Noise}
	for _, path := range s.Paths() {
		st, err := look(path, s.Noise)
		if err != nil {
			return nil, err
		}
		if st.mode.IsDir() {
			err = s.doubtFolder(path, st, limit)
		} else if st.after(limit) {
			err = &DoubtError{path, "changed while it was read, or shortly before"}
		}
		if err != nil {
			return nil, err
		}
		snap.entries = append(snap.entries, entry{path, st.sum()})
	}
	return snap, nil
}

// doubtFolder returns a [*DoubtError] for a young folder: an entry may have been added, removed or replaced. If noise
// makes folders young, the names from when the build began are compared.
func (s *Set) doubtFolder(dir string, st state, limit int64) error {
	if !st.after(limit) {
		return nil
	}
	names, known := s.Began[dir]
	if !known || names != st.names {
		return &DoubtError{dir, "got or lost a file while it was read, or shortly before"}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		child, err := look(filepath.Join(dir, e.Name()), s.Noise)
		if err != nil {
			return err
		}
		if e.Name() != s.Noise && !child.mode.IsDir() && child.after(limit) {
			return &DoubtError{filepath.Join(dir, e.Name()), "appeared or changed while its folder was read, or shortly before"}
		}
	}
	return nil
}

// Names returns a checksum of the names in a folder without noise, for [Set.Began], or 0 if the folder is missing. Folders
// in coming, which the build is about to create, count as present.
func Names(dir, noise string, coming ...string) uint64 {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, name := range coming {
		if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name }) {
			entries = append(entries, folderEntry(name))
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return sumNames(entries, noise)
}

// folderEntry is a folder that does not exist yet.
type folderEntry string

func (f folderEntry) Name() string               { return string(f) }
func (f folderEntry) IsDir() bool                { return true }
func (f folderEntry) Type() fs.FileMode          { return fs.ModeDir }
func (f folderEntry) Info() (fs.FileInfo, error) { return nil, fs.ErrNotExist }

// sumNames returns a checksum of names and types.
func sumNames(entries []fs.DirEntry, noise string) uint64 {
	h := fnv.New64a()
	for _, e := range entries {
		if e.Name() != noise {
			fmt.Fprintf(h, "%q %v\n", e.Name(), e.Type())
		}
	}
	return h.Sum64()
}

// look returns the state of a path. A missing or unreadable path has the zero state. The state of a folder is that of the
// names in it.
func look(path, noise string) (state, error) {
	info, err := os.Lstat(path)
	if isMissing(err) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	st, err := stateOf(info)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return st, st.follow(path)
	}
	if err == nil && strings.HasSuffix(path, stamp) {
		st.mode &^= fs.ModeDir // its times count, not its names
	}
	if err != nil || !st.mode.IsDir() {
		return st, err
	}
	entries, err := os.ReadDir(path)
	if isMissing(err) {
		return st, nil
	}
	st.names = sumNames(entries, noise)
	return st, err
}

// follow adds the state of a link's target to the state of the link, because reads through the link get the target. If
// the target is a folder, only its identity counts: whoever reads its entries adds them.
func (s *state) follow(path string) error {
	info, err := os.Stat(path)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	to, err := stateOf(info)
	s.names = to.sum()
	if !info.IsDir() {
		s.modified, s.changed = max(s.modified, to.modified), max(s.changed, to.changed)
	}
	return err
}

// isMissing reports whether an error means that the user finds nothing at the path.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || isNotDir(err)
}
