package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"github.com/fromscratch-go/fromscratch/buildkit/registry/access"
)

// Pull lets the engine fetch an image from its registry, with the credentials that the docker command has for it. The
// platform is the image's; the zero one is the engine's own. progress is told lines for people; nil is told nothing.
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

// pullFix advises about an image that cannot be had.
func pullFix(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if words := access.Words(err.Error()); strings.Contains(err.Error(), "<") && words != err.Error() {
		err = &worded{words, err} // the engine repeats the page of a host that is no registry
	}
	if words := access.HideQueries(err.Error()); words != err.Error() {
		err = &worded{words, err} // it repeats signed addresses too, which the registry has led it to
	}
	return Advise(err, "correct the name, log in with docker login, or load the image into the engine yourself (docker pull, docker load)")
}

// worded is an error in other words.
type worded struct {
	text string
	err  error
}

func (w *worded) Error() string { return w.text }
func (w *worded) Unwrap() error { return w.err }

// followPull reads the engine's stream of messages to its end. Layers are counted; their bytes come too often.
func followPull(r io.Reader, progress func(string)) error {
	done, layers := 0, map[string]bool{}
	for decoder := json.NewDecoder(r); ; {
		var m struct {
			message
			Status, ID string
		}
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
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
