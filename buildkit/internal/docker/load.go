package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// LoadRequest is one image to load. Ref, IDs and Write are required.
type LoadRequest struct {
	// Ref is the name that the archive gives to the image ("hello:latest").
	Ref string
	// IDs are the IDs that an engine may give to the image: the digests of its config and its manifest ("sha256:…").
	IDs []string
	// Platform is the image's platform. With API 1.48 or newer it is sent to the engine, which then reports missing content
	// as an error. The zero value is not sent.
	Platform Platform
	// Write writes the archive. Every engine loads an OCI layout with a manifest.json. Write must return if writing fails
	// or ctx ends; Load returns after it.
	Write func(ctx context.Context, w io.Writer) error
	// Label, "key=value" or "key", marks the images that Load may remove. Load removes the image that had Ref before if it
	// has the label and no name is left to it. "" removes nothing.
	Label string
	// Pending is a load that BeginLoad began for the same Platform. If it is nil, Load makes a new request.
	Pending *PendingLoad
	// Previous is the image that had Ref before. If it is nil, Load asks the engine.
	Previous *Image
	// Left, if set, is called with the error if an earlier image could not be removed. The load still succeeds.
	Left func(error)
}

// errEnded is the error of writing an archive after the engine stopped reading.
var errEnded = errors.New("the engine stopped reading the archive")

// Load streams an image to the engine and checks that Ref then names it.
//
// Load fails if the engine refuses the request, if its answer contains an error (it sends HTTP 200 before it reads the
// archive), if Ref names an image with another ID, or if content is missing. After a failure Ref may name the old image,
// or an incomplete one on the containerd image store. If Write fails, its error comes first in the result; if ctx ends,
// its cause does.
//
// Load removes earlier images with the label that lost their name (see LoadRequest.Label), but not by force: an image that
// a container uses stays, and so does an image with another name. If another run loads the same name meanwhile, its image
// counts as an earlier one too; if the other run gets the name in the end, this run's image is removed. Engines with graph
// drivers report which image lost the name. If the earlier image has vanished meanwhile, Load also looks for images with the
// label that have no name. One such image can stay if two loads end at the same moment, and there was no earlier image or a
// container uses that.
func (e *Engine) Load(ctx context.Context, req LoadRequest) error {
	return e.Failed(fmt.Sprintf("loading image %q", req.Ref), e.load(ctx, req))
}

func (e *Engine) load(ctx context.Context, req LoadRequest) error {
	previous := req.Previous
	if previous == nil {
		// An error counts as no previous image: a load must be able to repair an image that can't be inspected.
		before, _, _ := e.image(ctx, req.Ref)
		previous = &before
	}
	// The engine sets no name before the end of the archive.
	var last Image
	var lastErr error
	write := req.Write
	req.Write = func(ctx context.Context, w io.Writer) error {
		err := write(ctx, w)
		if err == nil {
			last, _, lastErr = e.image(ctx, req.Ref)
		}
		return err
	}
	before, err := e.send(ctx, req)
	if err != nil {
		return err
	}
	var silent *NoAnswerError
	if errors.As(lastErr, &silent) { // it would not answer the same request now either
		return fmt.Errorf("inspecting what was loaded: %w", lastErr)
	}
	loaded, err := e.verify(ctx, req)
	taken := loaded.ID != "" && !loaded.Is(req.IDs...) // by another run, which may take only this image for the earlier one
	if err == nil || taken {
		earlier := []Image{*previous, last, e.displaced(ctx, before, *previous, last)}
		if before == "" || before == last.ID { // two loads that end at once may both report the image from before them
			earlier = append(earlier, e.strays(ctx, req.Label, last)...)
		}
		e.retireAll(ctx, req, loaded, earlier...)
	}
	return err
}

// displaced returns the image that lost the name by the engine's report, unless it is one of known.
func (e *Engine) displaced(ctx context.Context, id string, known ...Image) Image {
	if id == "" || slices.ContainsFunc(known, func(i Image) bool { return i.ID == id }) {
		return Image{}
	}
	img, _, _ := e.image(ctx, id)
	return img
}

// retireAll removes earlier images that lost their name to the load.
func (e *Engine) retireAll(ctx context.Context, req LoadRequest, loaded Image, earlier ...Image) {
	done := map[string]bool{}
	for _, img := range earlier {
		if done[img.ID] {
			continue
		}
		done[img.ID] = true
		err := e.retire(ctx, img, loaded, req.Label)
		if err != nil && ctx.Err() == nil && req.Left != nil {
			req.Left(err)
		}
	}
}

// send streams the archive, through the pending load if there is one. It returns the ID of the image that had the name
// before, if the engine reports it.
func (e *Engine) send(ctx context.Context, req LoadRequest) (before string, err error) {
	pending := req.Pending
	if pending == nil {
		pending = e.BeginLoad(ctx, req.Platform, nil)
	}
	err = pending.finish(ctx, req.Write)
	return pending.before, err
}

// writeArchive calls write with a buffer in front of pipe: tar headers are small, and each write to a pipe waits for a read.
func writeArchive(ctx context.Context, pipe io.Writer, write func(context.Context, io.Writer) error) error {
	buffered := bufio.NewWriterSize(pipe, 64<<10)
	if err := write(ctx, buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// joinSend joins the errors of both sides with the cause first. If one side fails, the other fails too.
func joinSend(writeErr, loadErr error) error {
	switch {
	case writeErr == nil, errors.Is(writeErr, errEnded), errors.Is(writeErr, io.ErrClosedPipe), errors.Is(writeErr, context.Canceled):
		// The writer did not fail by itself. If loadErr is nil, the engine read enough: it need not read the zeros at
		// the end of a tar file.
		return loadErr
	}
	cause := fmt.Errorf("writing the archive: %w", callers(writeErr))
	if !advised(cause) {
		cause = Advise(cause, "build the image again: what it is made of has changed or vanished")
	}
	if loadErr == nil || errors.Is(loadErr, writeErr) {
		return cause
	}
	return errors.Join(cause, loadErr)
}

// post makes the request and reads the answer with readAnswer.
func (e *Engine) post(ctx context.Context, platform Platform, body io.Reader) (before string, err error) {
	options := []client.ImageLoadOption{client.ImageLoadWithQuiet(true)} // no progress bars in the answer
	if platform != (Platform{}) && e.speaks("1.48") {
		options = append(options, client.ImageLoadWithPlatforms(ocispec.Platform{
			OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant,
		}))
	}
	answer, err := e.api.ImageLoad(ctx, body, options...)
	if err != nil {
		return "", loadFix(err)
	}
	before, err = readAnswer(answer.Body)
	return before, errors.Join(err, answer.Body.Close())
}

// verify checks that Ref now names the image.
func (e *Engine) verify(ctx context.Context, req LoadRequest) (Image, error) {
	const again = "load it again; if it stays so, look whether something else loads or tags the same name"
	loaded, found, err := e.image(ctx, req.Ref)
	switch {
	case err != nil:
		return loaded, fmt.Errorf("inspecting what was loaded: %w", err)
	case !found:
		return loaded, Advise(errors.New("the engine reports success and does not have it"), again)
	case !loaded.Is(req.IDs...):
		if req.Label != "" {
			_ = e.Retire(ctx, req.Label, req.IDs...) // the error below says that another image has the name
		}
		err := fmt.Errorf("the engine has %s under this name, not %s", loaded.ID, strings.Join(req.IDs, " or "))
		return loaded, Advise(err, again)
	case !loaded.Complete:
		return loaded, Advise(errors.New("the engine lacks some of its content"), sendAll)
	}
	return loaded, nil
}

// retire removes the previous image if it has the label and the load took its last name. Two errors of the engine are
// fine: a container uses the image (conflict), or the engine removed it itself (not found).
func (e *Engine) retire(ctx context.Context, previous, loaded Image, label string) error {
	if previous.ID == "" || previous.ID == loaded.ID || !previous.labelled(label) {
		return nil
	}
	now, found, err := e.image(ctx, previous.ID)
	if err == nil && found && len(now.Tags) == 0 {
		_, err = e.api.ImageRemove(ctx, previous.ID, image.RemoveOptions{})
	}
	if err == nil || errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("removing the previous image %s: %w", previous.ID, err)
}

// Retire removes an image, named by any of its IDs, if it has the label and no name. A load leaves such an image if a
// container uses it, see [LoadRequest]. It is no error if the image is still in use or gone.
func (e *Engine) Retire(ctx context.Context, label string, ids ...string) error {
	for _, id := range ids {
		img, found, err := e.image(ctx, id)
		if err == nil && found {
			err = e.retire(ctx, img, Image{}, label)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// labelled reports whether the image has a label: "key=value", or "key" with any value.
func (i Image) labelled(label string) bool {
	key, want, exact := strings.Cut(label, "=")
	value, ok := i.Labels[key]
	return ok && key != "" && (!exact || value == want)
}

// strayPause is the time between two looks for strays. podman adds the name of an image a moment after the image.
const strayPause = time.Second

// strays finds the image of another run that got the name between our last look and our load. The other run has removed last,
// which was the earlier image for both runs, and nobody removes its own. So there is nothing to find while last is there.
//
// It returns the images with the label that have no name, twice in a row. An error means that none is found.
func (e *Engine) strays(ctx context.Context, label string, last Image) []Image {
	if label == "" || last.ID == "" {
		return nil
	}
	if _, found, err := e.image(ctx, last.ID); found || err != nil {
		return nil
	}
	first := e.nameless(ctx, label)
	if len(first) == 0 {
		return nil
	}
	if !pauseFor(ctx, strayPause) {
		return nil
	}
	var list []Image
	for id := range e.nameless(ctx, label) {
		if img, found, err := e.image(ctx, id); first[id] && found && err == nil {
			list = append(list, img)
		}
	}
	return list
}

// nameless returns the IDs of the images with a label that have no name.
func (e *Engine) nameless(ctx context.Context, label string) map[string]bool {
	ids := map[string]bool{}
	all, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("dangling", "true"), filters.Arg("label", label))})
	if err != nil {
		return nil
	}
	for _, s := range all {
		ids[canonicalID(s.ID)] = true
	}
	return ids
}
