package registry

import (
	"io"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Progress is the progress of uploading blobs. Blobs that the registry has, or mounts from another repository, do not
// count.
type Progress struct {
	Sent  int64 // bytes sent; a failed try subtracts its bytes again
	Total int64 // bytes of all blobs known to be needed; grows until the last layer is compressed
}

// counter sums up the progress and reports it.
type counter struct {
	hear func(Progress)

	mu    sync.Mutex
	state Progress
}

func (c *counter) now() Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// add changes the numbers and reports them.
func (c *counter) add(sent, total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Sent += sent
	c.state.Total += total
	if c.hear != nil {
		c.hear(c.state)
	}
}

// count returns r with its bytes counted, for one try to send a blob.
func (c *counter) count(r io.ReadCloser, desc ocispec.Descriptor) *counted {
	c.add(0, desc.Size)
	return &counted{r: r, counter: c, size: desc.Size}
}

// undo subtracts what a failed try has counted.
func (c *counter) undo(r io.ReadCloser) {
	if t, ok := r.(*counted); ok {
		t.end()
	}
}

// counted is a reader that counts its bytes.
type counted struct {
	r       io.ReadCloser
	counter *counter
	size    int64

	mu    sync.Mutex // the HTTP client may still read after it has given up
	sent  int64
	ended bool
	shut  bool
}

func (t *counted) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.sent += int64(n)
		t.counter.add(int64(n), 0)
	}
	return n, err
}

func (t *counted) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.ended = true
		t.counter.add(-t.sent, -t.size)
	}
}

// Close can be called twice: the HTTP client closes request bodies too.
func (t *counted) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shut {
		return nil
	}
	t.shut = true
	return t.r.Close()
}
