package main

import (
	"context"
	"errors"
	"io"
)

// floor is the least that a way to an image can do: compile, make one layer of
// the program alone, and load it, unless the engine has that very image.
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
	// Engines with a graph driver name an image by its configuration, those with the
	// containerd store by its manifest.
	if id == image.config.digest || id == image.manifest.digest {
		return nil
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(image.write(w)) }()
	return errors.Join(s.engine.send(ctx, "/images/load", nil, r), r.Close())
}
