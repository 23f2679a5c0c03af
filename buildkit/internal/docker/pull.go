package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry/access"
)

// Pull makes the engine pull an image from its registry, with the docker command's credentials for that registry. p is the
// image's platform; the zero value means the engine's own. progress, if set, is called with lines for the user.
func (e *Engine) Pull(ctx context.Context, ref string, p Platform, progress func(string)) error {
	return e.Failed(fmt.Sprintf("pulling image %q", ref), e.pull(ctx, ref, p, progress))
}

func (e *Engine) pull(ctx context.Context, ref string, p Platform, progress func(string)) (err error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return Advise(err, "use a reference like golang:1.26-bookworm")
	}
	options := image.PullOptions{}
	if p.Architecture != "" {
		options.Platform = p.String()
	}
	auth, err := e.config.credentials(ctx, reference.Domain(named), named.Name())
	if err != nil {
		return err
	}
	if auth != (registry.AuthConfig{}) {
		if options.RegistryAuth, err = registry.EncodeAuthConfig(auth); err != nil {
			return err
		}
	}
	answer, err := e.api.ImagePull(ctx, reference.TagNameOnly(named).String(), options)
	if err != nil {
		return pullFix(orCause(ctx, err))
	}
	defer func() { err = errors.Join(err, answer.Close()) }()
	return pullFix(orCause(ctx, followPull(answer, progress)))
}

// pullFix adds the fix to the error about an image that can't be pulled.
func pullFix(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if words := access.Words(err.Error()); strings.Contains(err.Error(), "<") && words != err.Error() {
		err = &worded{words, err} // the engine quotes the web page of a host that is no registry
	}
	if words := access.HideQueries(err.Error()); words != err.Error() {
		err = &worded{words, err} // the engine quotes the signed addresses that the registry redirected it to
	}
	return Advise(err, "correct the name, log in with docker login, or load the image into the engine yourself (docker pull, docker load)")
}

// worded is an error with another text.
type worded struct {
	text string
	err  error
}

func (w *worded) Error() string { return w.text }
func (w *worded) Unwrap() error { return w.err }

// followPull reads the engine's stream of messages to its end. It reports layers, because messages about bytes are too many.
func followPull(r io.Reader, progress func(string)) error {
	done, layers := 0, map[string]bool{}
	for stream := newMessages(r); ; {
		var m struct {
			message
			Status, ID string
		}
		if err := stream.next(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the engine's answer: %w", err)
		}
		if err := m.failure(); err != nil {
			return err
		}
		switch m.Status {
		case "Pulling fs layer":
			layers[m.ID] = true
		case "Pull complete":
			done++
			if progress != nil {
				progress(fmt.Sprintf("%d of %d layers", done, len(layers)))
			}
		}
	}
}
