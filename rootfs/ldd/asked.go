package ldd

import (
	"errors"
	"sync"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// answers caches what was computed from a file beyond what its loader reads. It is kept with the file, for a
// later round of the resolution or another image.
type answers struct {
	mu    sync.Mutex
	known map[string]any
}

// get returns a cached answer or computes it. It holds the lock meanwhile, so that no two callers read the file
// for the same question.
func (a *answers) get(question string, answer func() (any, error)) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.known[question]; ok {
		return known, nil
	}
	found, err := answer()
	if err != nil {
		return found, err
	}
	if a.known == nil {
		a.known = map[string]any{}
	}
	a.known[question] = found
	return found, nil
}

// Ask returns what read computes from the content of an object. With a [Program.Memory], each file is read once
// per question. The result is then shared by all callers and must not be modified. Errors are not cached.
func (c *Closure) Ask(o *Object, question string, read func(*Content) (any, error)) (any, error) {
	answer := func() (any, error) {
		body, err := c.Content(o)
		if err != nil {
			return nil, err
		}
		found, err := read(body)
		return found, errors.Join(err, body.Close())
	}
	if known := c.fileOf(o); known != nil {
		return known.answers.get(question, answer)
	}
	return answer()
}

// ask is Ask with the parsed ELF file, whose headers are known.
func (c *Closure) ask(o *Object, question string, read func(*elf.File) (any, error)) (any, error) {
	return c.Ask(o, "ldd "+question, func(body *Content) (any, error) {
		f, err := c.elfOf(o, body)
		if err != nil {
			return nil, err
		}
		return read(f)
	})
}

// elfOf returns the ELF file of an object that was opened again. Headers that were read before are not read
// again.
func (c *Closure) elfOf(o *Object, body *Content) (*elf.File, error) {
	known := c.fileOf(o)
	if known == nil || known.elf == nil {
		return elf.Read(body, body.Size)
	}
	return known.elf.Reopen(body), nil
}
