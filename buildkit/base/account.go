package base

import (
	"archive/tar"
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// account is what was read for one base, and what has become of it: of all its layers together, and of the archive that they
// are in. A bound for each layer would allow an image of many layers, or of a bomb in a bomb, any size.
type account struct {
	// limit is how many bytes there are to be read, however often they are: those of an archive. 0 is not known.
	limit         int64
	read, written atomic.Int64

	mu                      sync.Mutex
	entries, names, records int
}

// packed is how many of n bytes count as read.
func (a *account) packed(n int64) int64 {
	if a.limit > 0 {
		return min(n, a.limit)
	}
	return n
}

// write takes bytes that were decompressed. It fails when they are too many for what was read so far.
func (a *account) write(n int) error {
	read := a.packed(a.read.Load())
	if a.written.Add(int64(n)) > read*expandedFactor+expandedFree {
		return bomb("it is more than %d bytes, of %d that were read", read*expandedFactor+expandedFree, read)
	}
	return nil
}

// entry takes an entry of a layer, with the records that its headers have. What is read is ahead of what is scanned, so that
// this is no stricter than what is counted in the end.
func (a *account) entry(ctx context.Context, h *tar.Header, records int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entries++
	a.names += textOf(h)
	a.records += records
	b := newBudget(ctx, a.packed(a.read.Load()))
	switch {
	case a.entries > b.entries:
		return b.tooMany()
	case a.names > b.names:
		return b.tooLong()
	case a.records > b.records:
		return b.tooMuch()
	}
	return nil
}

// counter counts what is read of a blob, until its context ends.
type counter struct {
	ctx     context.Context
	r       io.Reader
	n       int64
	account *account
}

func (c *counter) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.account.read.Add(int64(n))
	return n, err
}

// expanded is a writer of what is decompressed. It ends when that is too much for what was read so far.
type expanded struct {
	ctx     context.Context
	w       io.Writer
	account *account
}

func (e *expanded) Write(p []byte) (int, error) {
	if err := context.Cause(e.ctx); err != nil {
		return 0, err
	}
	if err := e.account.write(len(p)); err != nil {
		return 0, err
	}
	return e.w.Write(p)
}
