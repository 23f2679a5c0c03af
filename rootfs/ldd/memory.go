package ldd

import (
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Memory keeps what was read of a sysroot, so that resolving a program again, each time with more libraries
// that it opens, does not read it again. It is for one program, for one sysroot that does not change meanwhile,
// and for one resolution at a time. For another sysroot or program see [Memory.Elsewhere]. The zero value is
// empty.
type Memory struct {
	walker *walker
	files  map[string]*file
	parsed *parsedFiles
}

// Elsewhere returns a Memory for another file system with the same files, such as the root file system of an
// image. A file that is the same there, by [os.SameFile], size and time, is opened but not parsed again. An
// [fs.FileInfo] that is not of package os can have a method Original() fs.FileInfo that returns the file that
// the bytes come from, or nil. Both memories may be used concurrently, also for two programs.
func (m *Memory) Elsewhere() *Memory {
	if m.parsed == nil {
		m.parsed = &parsedFiles{}
	}
	return &Memory{parsed: m.parsed}
}

// prepare returns the Memory, initialised for the sysroot on first use. For a nil Memory it returns a new one.
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

// parsedFiles caches parsed files, independent of their path and file system. It is safe for concurrent use.
type parsedFiles struct {
	mu    sync.Mutex
	files map[parsedKey][]*entry
}

// entry is a file that is parsed by the first caller that finds it.
type entry struct {
	info fs.FileInfo
	once sync.Once
	file *file
}

// parsedKey distinguishes most files; [os.SameFile] distinguishes the rest.
type parsedKey struct {
	as   role
	size int64
	time time.Time
}

// role is the purpose for which a file is read. It determines which parts are read and which faults matter.
type role struct {
	name string
	want elf.Header // header of the loader that it is read for
}

// read returns the cached result for an open file, or that of parse.
func (p *parsedFiles) read(as role, body *Content, parse func(*file, *Content)) *file {
	e := p.entry(as, body)
	e.once.Do(func() {
		f := &file{answers: &answers{}}
		buffered := &Content{&blocks{body.ReaderAt, body.Size, map[int64][]byte{}}, body.Closer, body.Size, body.Info}
		parse(f, buffered)
		if f.bad == nil && f.err == nil && f.dyn != nil && !f.static {
			f.versionsOf() // while the file is open
		}
		if f.elf != nil {
			f.elf = f.elf.Reopen(buffered) // without the strings, because the file is shared from now on
		}
		e.file = f
	})
	// The metadata, above all the mode, may differ in this file system.
	known := *e.file
	known.info = body.Info
	return &known
}

// entry returns the entry of an open file, which is new for a file not seen before.
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

// original returns the file that the bytes of a file come from, mostly the file itself.
func original(info fs.FileInfo) fs.FileInfo {
	if from, ok := info.(interface{ Original() fs.FileInfo }); ok {
		if o := from.Original(); o != nil {
			return o
		}
	}
	return info
}
