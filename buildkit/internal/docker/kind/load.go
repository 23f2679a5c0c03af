package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// nodesAtOnce is how many nodes get an image at the same time. More would not be faster: the nodes share one disk.
const nodesAtOnce = 4

// ImportRequest is one image for the nodes of a cluster. All fields but Layers are required.
type ImportRequest struct {
	// Ref is the name that the archive gives to the image ("hello:latest").
	Ref string
	// Digest is the manifest's ("sha256:…").
	Digest string
	// Layers are the digests of the layers' blobs. A node gets only the layers that it lacks.
	Layers []string
	// Write writes the archive without the omitted layers. The archive is an OCI layout with the image's full name.
	// Import may call Write for several nodes at once. Write must return if writing fails or ctx ends; Import returns
	// after it.
	Write func(ctx context.Context, w io.Writer, omitted func(digest string) bool) error
}

// Imported is the result of an import.
type Imported struct {
	Name  string // the image's full name, as Kubernetes knows it ("docker.io/library/hello:latest")
	Nodes int    // how many nodes got something; the others had the image
	Sent  int64  // bytes sent to all nodes
}

// Has reports whether every node has the image under its reference, with all layers. One of the IDs must be the
// manifest's digest. Has runs one command in each node.
func (c *Cluster) Has(ctx context.Context, ref string, ids ...string) (bool, error) {
	has, err := c.has(ctx, ref, ids)
	return has, c.failed(ref, err)
}

func (c *Cluster) has(ctx context.Context, ref string, ids []string) (bool, error) {
	name, err := fullName(ref)
	if err != nil {
		return false, err
	}
	var missing atomic.Bool
	err = c.each(func(n Node) error {
		img, err := c.image(ctx, n, name)
		if err != nil || !img.complete || !(docker.Image{ID: img.digest}).Is(ids...) {
			missing.Store(true)
		}
		return err
	})
	return err == nil && !missing.Load(), err
}

// Import sends an image to every node that lacks it, and checks that the node then has it. It leaves out the layers that
// the node has. If that fails, it sends the whole image, once.
//
// If one node fails, the others still get the image. After a failure a node may have an incomplete image under the name;
// the next import repairs it. The image that had the name before stays until the kubelet's garbage collection removes
// it, because pods may still use it.
func (c *Cluster) Import(ctx context.Context, req ImportRequest) (Imported, error) {
	imported, err := c.importAll(ctx, req)
	return imported, c.failed(req.Ref, err)
}

func (c *Cluster) importAll(ctx context.Context, req ImportRequest) (Imported, error) {
	name, err := fullName(req.Ref)
	if err != nil {
		return Imported{}, err
	}
	imported, one := Imported{Name: name}, sync.Mutex{}
	err = c.each(func(n Node) error {
		if img, err := c.image(ctx, n, name); err != nil || img == (nodeImage{req.Digest, true}) {
			return err
		}
		sent, err := c.importOne(ctx, n, name, req)
		one.Lock()
		defer one.Unlock()
		imported.Nodes, imported.Sent = imported.Nodes+1, imported.Sent+sent
		return err
	})
	return imported, err
}

// importOne sends an image to one node: without the layers that the node has, and if that fails as a whole.
func (c *Cluster) importOne(ctx context.Context, n Node, name string, req ImportRequest) (sent int64, err error) {
	snapshotter, err := c.snapshotter(ctx, n)
	if err != nil {
		return 0, err
	}
	has, err := c.shared(ctx, n, req.Layers)
	if err != nil {
		return 0, err
	}
	sent, err = c.send(ctx, n, name, snapshotter, has, req)
	if err == nil || len(has) == 0 || ctx.Err() != nil {
		return sent, err
	}
	again, err := c.send(ctx, n, name, snapshotter, nil, req)
	return sent + again, err
}

// shared returns the layers that a node has.
func (c *Cluster) shared(ctx context.Context, n Node, layers []string) (map[string]bool, error) {
	content, err := c.content(ctx, n)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, l := range layers {
		if content[l] {
			has[l] = true
		}
	}
	return has, nil
}

// send sends an image without the layers in has, and checks that the node then has the image.
func (c *Cluster) send(ctx context.Context, n Node, name, snapshotter string, has map[string]bool, req ImportRequest) (int64, error) {
	var sent int64
	err := c.importInto(ctx, n, snapshotter, func(ctx context.Context, w io.Writer) error {
		counted := &counter{w: w}
		defer func() { sent = counted.n }()
		return req.Write(ctx, counted, func(digest string) bool { return has[digest] })
	})
	if err != nil {
		return sent, err
	}
	img, err := c.image(ctx, n, name)
	switch {
	case err != nil:
		return sent, err
	case img.digest != req.Digest:
		err = fmt.Errorf("the node %s has %q under this name, not %s", n.Name, img.digest, req.Digest)
	case !img.complete:
		err = fmt.Errorf("the node %s lacks some of its content", n.Name)
	default:
		return sent, nil
	}
	return sent, docker.Advise(err, "try again; if it stays so, look into the node's log: docker exec "+plaintext.Shell(n.Name)+" journalctl -u containerd")
}

// counter counts the bytes that it passes on.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// each calls do for every node, a few at a time, and returns the errors in the order of the nodes.
func (c *Cluster) each(do func(Node) error) error {
	errs, slots := make([]error, len(c.Nodes)), make(chan struct{}, nodesAtOnce)
	var all sync.WaitGroup
	for i, n := range c.Nodes {
		all.Add(1)
		slots <- struct{}{}
		go func() {
			defer all.Done()
			defer func() { <-slots }()
			errs[i] = do(n)
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// failed returns the error of an exported method; nil stays nil.
func (c *Cluster) failed(ref string, err error) error {
	return c.engine.Failed(fmt.Sprintf("bringing image %q to the kind cluster %q", ref, c.Name), err)
}
