package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Save writes an image, named by name or ID, to w as an archive, as "docker save" does. If Save fails or ctx ends, the
// archive is incomplete.
func (e *Engine) Save(ctx context.Context, ref string, w io.Writer) error {
	return e.Failed(fmt.Sprintf("saving image %q", ref), e.save(ctx, ref, w))
}

func (e *Engine) save(ctx context.Context, ref string, w io.Writer) error {
	body, err := e.api.ImageSave(ctx, []string{ref})
	if err != nil {
		return err
	}
	_, err = io.Copy(callersWriter{w}, body)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, body.Close())
}
