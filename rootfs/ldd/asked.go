package ldd

import (
	"errors"
	"sync"
)

// answers are what was asked about a file beyond what its loader reads. They are kept with the file, for
// whoever asks again: a later round of a resolution, another image.
type answers struct {
	mu    sync.Mutex
	known map[string]any
}

// get returns an answer; one at a time is found, so that nobody reads the file for what another is about
// to know.
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

// Ask returns what read makes of the content of an object. With a [Program.Memory] the file is read once for
// a question, whoever asks it again; so what is returned belongs to all and must stay as it is. An error is
// not kept.
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

// ask is Ask about the ELF file, whose headers are known.
func (c *Closure) ask(o *Object, question string, read func(*elfFile) (any, error)) (any, error) {
	return c.Ask(o, "ldd "+question, func(body *Content) (any, error) {
		f, err := c.elfOf(o, body)
		if err != nil {
			return nil, err
		}
		return read(f)
	})
}

// elfOf returns the ELF file of an object that is open anew; what was read of its headers stands.
func (c *Closure) elfOf(o *Object, body *Content) (*elfFile, error) {
	known := c.fileOf(o)
	if known == nil || known.elf == nil {
		return readELF(body, body.Size)
	}
	return known.elf.reopen(body), nil
}

// reopen is the file in another opening, as long as nobody else reads from it.
func (f *elfFile) reopen(body *Content) *elfFile {
	again := *f
	again.r, again.strs = body, nil
	return &again
}
