package main

import (
	"context"
	"errors"
	"io"
)

// floor is the least that any way to an image must do: compile, make one layer with only the program, and load it unless
// the engine already has the image.
func (s *site) floor(ctx context.Context) error {
	if err := s.goBuildAlone(ctx); err != nil {
		return err
	}
	image, err := newOneLayer(s.binary(), s.program.name, s.reference())
	if err != nil {
		return err
	}
	id, err := s.engine.imageID(ctx, s.reference())
	if err != nil {
		return err
	}
	// Engines with a graph driver use the digest of the configuration as the image's ID, those with the containerd store
	// that of the manifest.
	if id == image.config.digest || id == image.manifest.digest {
		return nil
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(image.write(w)) }()
	return errors.Join(s.engine.send(ctx, "/images/load", nil, r), r.Close())
}
