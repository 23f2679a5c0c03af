package ldd

import (
	"io/fs"
	"os"
	"sync"
	"time"
)

// Memory keeps what was read of a sysroot, so that a program which is resolved several times, each time with
// more that it opens, does not have it read again. It is for one program and one sysroot that does not change
// meanwhile, and for one resolution at a time; see [Memory.Elsewhere] for another sysroot or program. The zero
// value is empty.
type Memory struct {
	walker *walker
	files  map[string]*file
	parsed *parsedFiles
}

// Elsewhere returns a Memory for another file system that shows files of this one's, as the root file system
// of an image does: what is the same file there, by [os.SameFile], size and time, is opened and not parsed
// again. An [fs.FileInfo] that is not of package os can have a method Original() fs.FileInfo, which tells of
// the file that the bytes come from; nil is none. The two may be used at once, also for two programs.
func (m *Memory) Elsewhere() *Memory {
	if m.parsed == nil {
		m.parsed = &parsedFiles{}
	}
	return &Memory{parsed: m.parsed}
}

// of returns what is known of the sysroot, nothing at first. Without a Memory nothing is kept.
func (m *Memory) prepare(sys FS) *Memory {
	if m == nil {
		m = &Memory{}
	}
	if m.walker == nil {
		m.walker, m.files = newWalker(sys), map[string]*file{}
	}
	if m.parsed == nil {
		m.parsed = &parsedFiles{}
	}
	return m
}

// parsed is what was read of files, whatever path in whatever file system they were found at. It is for many
// at once.
type parsedFiles struct {
	mu    sync.Mutex
	files map[parsedKey][]*entry
}

// entry is a file that is read by the first who finds it.
type entry struct {
	info fs.FileInfo
	once sync.Once
	file *file
}

// parsedKey tells most files apart; those that it does not, [os.SameFile] does.
type parsedKey struct {
	as   role
	size int64
	time time.Time
}

// role is what a file is read as: what is read of it, and what is wrong with it, depends on that.
type role struct {
	name string
	want header // of the loader that it is read for
}

// read returns what is known of an open file, or what parse makes of it.
func (p *parsedFiles) read(as role, body *Content, parse func(*file, *Content)) *file {
	e := p.entry(as, body)
	e.once.Do(func() {
		f := &file{answers: &answers{}}
		buffered := &Content{&blocks{body.ReaderAt, body.Size, map[int64][]byte{}}, body.Closer, body.Size, body.Info}
		parse(f, buffered)
		if f.bad == nil && f.err == nil && f.dyn != nil && !f.static {
			f.versionsOf() // now that the file is open
		}
		if f.elf != nil {
			f.elf.strs = nil // from now on it belongs to many
		}
		e.file = f
	})
	// What the file system says of it, its mode above all, may be another thing here.
	known := *e.file
	known.info = body.Info
	return &known
}

// entry returns the place of an open file, which is a new one for a file that was not seen before.
func (p *parsedFiles) entry(as role, body *Content) *entry {
	info := original(body.Info)
	key := parsedKey{as, body.Size, info.ModTime()}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.files[key] {
		if os.SameFile(info, e.info) {
			return e
		}
	}
	e := &entry{info: info}
	if p.files == nil {
		p.files = map[parsedKey][]*entry{}
	}
	p.files[key] = append(p.files[key], e)
	return e
}

// original is the file that the bytes of another one come from, the file itself mostly.
func original(info fs.FileInfo) fs.FileInfo {
	if from, ok := info.(interface{ Original() fs.FileInfo }); ok {
		if o := from.Original(); o != nil {
			return o
		}
	}
	return info
}
