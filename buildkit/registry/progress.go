package registry

import (
	"io"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Progress is how far the blobs of a push are. Only those count that must be sent: what the registry has, or takes
// over from another repository, is in neither number.
type Progress struct {
	Sent  int64 // bytes that have gone out; those of a try that failed are taken back
	Total int64 // bytes of the blobs that are known so far to be needed; it grows until the last layer is compressed
}

// counter adds up.
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

// add changes the numbers and tells them.
func (c *counter) add(sent, total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Sent += sent
	c.state.Total += total
	if c.hear != nil {
		c.hear(c.state)
	}
}

// count is one try to send a blob.
func (c *counter) count(r io.ReadCloser, desc ocispec.Descriptor) *counted {
	c.add(0, desc.Size)
	return &counted{r: r, counter: c, size: desc.Size}
}

// lost takes back what a try has counted.
func (c *counter) lost(r io.ReadCloser) {
	if t, ok := r.(*counted); ok {
		t.end()
	}
}

// counted counts the bytes that are read.
type counted struct {
	r       io.ReadCloser
	counter *counter
	size    int64

	mu    sync.Mutex // the client may still read when it has given up
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

// Close can be called twice: the client closes what it sends.
func (t *counted) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shut {
		return nil
	}
	t.shut = true
	return t.r.Close()
}
