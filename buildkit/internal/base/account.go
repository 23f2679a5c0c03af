package base

import (
	"archive/tar"
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// account counts what is read for one base and what that decompresses to, for all its layers and their archive together. A
// limit for each layer would not stop an image of many layers, or a bomb in a bomb.
type account struct {
	// limit is the size of the archive, in bytes, which may be read several times. 0 means unknown.
	limit         int64
	read, written atomic.Int64

	mu                      sync.Mutex
	entries, names, records int
}

// packed returns how many of n bytes count as read.
func (a *account) packed(n int64) int64 {
	if a.limit > 0 {
		return min(n, a.limit)
	}
	return n
}

// write counts decompressed bytes. It fails if they are too many for what was read so far.
func (a *account) write(n int) error {
	read := a.packed(a.read.Load())
	if a.written.Add(int64(n)) > read*expandedFactor+expandedFree {
		return bomb("it is more than %d bytes, of %d that were read", read*expandedFactor+expandedFree, read)
	}
	return nil
}

// entry counts an entry of a layer, with the number of PAX records in its headers. Reading is ahead of scanning, so this is no
// stricter than the final count.
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

// counter is a reader of a blob that counts its bytes and fails when its context ends.
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

// expanded is a writer for decompressed bytes. It fails if they are too many for what was read so far.
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
