package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
)

// proof is a file that is written for a moment, to see whether an engine sees it. The engine's machine may have an old copy
// of the sources, with the same times and at the same path.
type proof struct {
	host, container string
	made            string // the folder, if it was created for the file
}

// leaveProof writes a proof to BuilderRequest.Proof. It returns nil if Proof is not set, not in a Bind, or not writable.
func (r BuilderRequest) leaveProof() *proof {
	for _, b := range r.Binds {
		rel, err := filepath.Rel(b.Host, r.Proof)
		if r.Proof == "" || err != nil || !filepath.IsLocal(rel) {
			continue
		}
		p := &proof{}
		if os.Mkdir(r.Proof, 0o755) == nil {
			p.made = r.Proof
		}
		if info, err := os.Lstat(r.Proof); err != nil || !info.IsDir() { // a link may lead out of the Bind
			return nil
		}
		file, err := os.CreateTemp(r.Proof, ".fromscratch-proof-*")
		if err != nil {
			_ = os.Remove(p.made)
			return nil
		}
		p.host, p.container = file.Name(), path.Join(b.Container, filepath.ToSlash(rel), filepath.Base(file.Name()))
		if err := file.Close(); err != nil {
			_ = p.remove()
			return nil
		}
		return p
	}
	return nil
}

// check looks for the file in a container that has the Binds mounted.
func (p *proof) check(ctx context.Context, b *Builder) error {
	if p == nil {
		return nil
	}
	_, err := b.engine.api.ContainerStatPath(ctx, b.ID, p.container)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil { // the answer has no message, as in DevContainer.prove
		return fmt.Errorf("the engine does not see what was just written to %q on this machine", filepath.Dir(p.host))
	}
	return nil
}

// remove removes the file, and the folder if it was created for the file and is empty.
func (p *proof) remove() error {
	if p == nil {
		return nil
	}
	err := os.Remove(p.host)
	if p.made != "" {
		_ = os.Remove(p.made)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
