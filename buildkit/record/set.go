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

// Set is a set of paths of the host, to be filled by many at once. The zero value is empty.
type Set struct {
	// Noise is the name of a file that others make and remove, and that is none of the build's.
	Noise string
	// Began has, of the folders in which they do, the [Names] from when the build began.
	Began map[string]uint64

	mu    sync.Mutex
	paths map[string]bool
}

// Add notes a path: a file, a folder for the names in it, a link for itself, or nothing at all.
func (s *Set) Add(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paths == nil {
		s.paths = map[string]bool{}
	}
	s.paths[filepath.Clean(path)] = true
}

// AddStamp notes a folder by its own times: a name that appears in it or goes changes them. It costs one stat, however
// many names there are, and is for a folder that nothing else writes to.
func (s *Set) AddStamp(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paths == nil {
		s.paths = map[string]bool{}
	}
	s.paths[filepath.Clean(dir)+stamp] = true
}

// stamp ends the path of a folder that is noted by its times; no clean path ends so.
const stamp = string(filepath.Separator) + "."

// AddFolders notes a folder and all folders below it, but those that skip names: whatever appears in one of
// them is a change. A path that is none is noted as it is.
func (s *Set) AddFolders(dir string, skip func(path string) bool) error {
	return s.walk(dir, skip, false)
}

// AddTree notes a folder and all that is below it, but folders that skip names.
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

// DoubtError is a path whose next change might not be seen.
type DoubtError struct {
	Path string
	Why  string
}

// Error says which path it is and why.
func (e *DoubtError) Error() string { return fmt.Sprintf("%q %s", e.Path, e.Why) }

// Granularity is how far apart two changes must be for their times to differ: the kernel's clock for files
// ticks every 10 ms or more often (CONFIG_HZ), see inode_set_ctime_current.
const Granularity = 12 * time.Millisecond

// Take makes a snapshot of the paths for a build that began to read them at the time. A path that has
// changed since, or may have, is a [*DoubtError].
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

// doubtFolder doubts a young folder: something may have appeared in it, or gone from it, or come in its
// place. Where noise makes folders young, the names that it had when the build began have to be known.
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

// Names returns a checksum of the names in a folder but for noise, for [Set.Began]; 0 where there is none.
// Folders that the build itself is going to make count as if they were there.
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

// folderEntry is a folder that is not there yet.
type folderEntry string

func (f folderEntry) Name() string               { return string(f) }
func (f folderEntry) IsDir() bool                { return true }
func (f folderEntry) Type() fs.FileMode          { return fs.ModeDir }
func (f folderEntry) Info() (fs.FileInfo, error) { return nil, fs.ErrNotExist }

// sumNames is a checksum of names and types.
func sumNames(entries []fs.DirEntry, noise string) uint64 {
	h := fnv.New64a()
	for _, e := range entries {
		if e.Name() != noise {
			fmt.Fprintf(h, "%q %v\n", e.Name(), e.Type())
		}
	}
	return h.Sum64()
}

// look asks for the state of a path. Where nothing is, or nobody may look, that is the state. A folder's is
// that of the names in it.
func look(path, noise string) (state, error) {
	info, err := os.Lstat(path)
	if isNothing(err) {
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
		st.mode &^= fs.ModeDir // its times count, and not its names
	}
	if err != nil || !st.mode.IsDir() {
		return st, err
	}
	entries, err := os.ReadDir(path)
	if isNothing(err) {
		return st, nil
	}
	st.names = sumNames(entries, noise)
	return st, err
}

// follow adds to the state of a link that of what it leads to: who reads through the link gets that. Of a
// folder it is which one it is; what is in it is noted by those who look into it.
func (s *state) follow(path string) error {
	info, err := os.Stat(path)
	if isNothing(err) {
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

// isNothing tells whether an error says that there is nothing for this user.
func isNothing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || isNotDir(err)
}
