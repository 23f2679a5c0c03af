package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// nodesAtOnce is how many nodes are sent an image at a time: more do not make one disk faster.
const nodesAtOnce = 4

// ImportRequest is one image to be brought to the nodes of a cluster. All but Layers is required.
type ImportRequest struct {
	// Ref is the name that the archive gives to the image ("hello:latest").
	Ref string
	// Digest is the manifest's ("sha256:…").
	Digest string
	// Layers are the digests of the layers' blobs, of which a node is sent those that it does not have.
	Layers []string
	// Write writes the archive, an OCI layout that names the image in full, without the layers that are omitted. It
	// may be called for several nodes at once, must end when writing fails or ctx ends, and has ended when Import
	// returns.
	Write func(ctx context.Context, w io.Writer, omitted func(digest string) bool) error
}

// Imported is what became of an import.
type Imported struct {
	Name  string // of the image, as Kubernetes knows it ("docker.io/library/hello:latest")
	Nodes int    // how many were sent something; the others had the image
	Sent  int64  // bytes to all of them
}

// Has reports whether every node has an image of the given digest under the reference, complete. It costs a command in
// each node. Of the IDs one must be the manifest's digest.
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

// Import brings an image to every node that does not have it, and makes sure that it is there then. Layers that a node
// has of other images are not sent; if that fails, everything is, once.
//
// What fails in one node keeps nothing from the others. After a failure the name may stand for an incomplete image in
// a node; the next import repairs it. The image that had the name before stays until the kubelet's garbage collection
// finds it, as pods may run from it.
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
		sent, err := c.bring(ctx, n, name, req)
		one.Lock()
		defer one.Unlock()
		imported.Nodes, imported.Sent = imported.Nodes+1, imported.Sent+sent
		return err
	})
	return imported, err
}

// bring sends an image to one node: without what the node has, and when that fails with all of it.
func (c *Cluster) bring(ctx context.Context, n Node, name string, req ImportRequest) (sent int64, err error) {
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

// shared are those of the layers that a node has.
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

// send sends an image without the layers that are there, and looks whether the node has it then.
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

// counter counts what it passes on.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// each does something with every node, a few at a time, and returns the errors in the order of the nodes.
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

// failed makes the error of an exported method; nil stays nil.
func (c *Cluster) failed(ref string, err error) error {
	return c.engine.Failed(fmt.Sprintf("bringing image %q to the kind cluster %q", ref, c.Name), err)
}
