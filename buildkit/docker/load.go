package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// LoadRequest is one image to be loaded.
type LoadRequest struct {
	// Ref is the name that the archive gives to the image ("hello:latest").
	Ref string
	// IDs are what the engine may call the image: its config's and its manifest's digest ("sha256:…").
	IDs []string
	// Platform is the image's. Engines with API 1.48 or newer are told, so that missing content is an error of theirs.
	// The zero value tells nothing.
	Platform Platform
	// Write writes the archive, and is required: one that every engine takes is an OCI layout with a manifest.json. It must end when
	// writing fails or ctx ends, and it has ended when Load returns.
	Write func(ctx context.Context, w io.Writer) error
	// Label, "key=value" or "key", marks the images that are ours. The image that had Ref before is removed when it has
	// the label and the load left it without a name. "" removes nothing.
	Label string
	// Pending is a load that has begun, for the same Platform; the request makes use of it. nil is a request of its own.
	Pending *PendingLoad
	// Previous is the image that had Ref before. nil asks the engine.
	Previous *Image
	// Left hears why an earlier image of ours could not be removed. The load has succeeded nevertheless. nil hears nothing.
	Left func(error)
}

// errEnded is what the archive's writer gets when the engine reads no further.
var errEnded = errors.New("the engine stopped reading the archive")

// Load sends an image to the engine, as a stream, and makes sure that Ref names it then.
//
// Three things count as failure beside a refused request: an error in the answer of a request that succeeded (HTTP 200
// is sent before the engine reads the archive), an image of another ID under the name, and missing content. After a
// failure Ref may name the old image, or on the containerd image store an incomplete one. When Write fails, its error
// comes first in the result; when ctx ends, its cause does.
//
// An earlier image of ours that lost its name is removed (see LoadRequest.Label), never by force: one that a container
// uses stays, and so does one with another name. Another run may load the same name meanwhile: its image is an earlier
// one, too, and this one is removed when the name is the other's in the end. Engines with graph drivers say which image has
// lost the name. Of others one image can stay, if two loads end at the same moment.
func (e *Engine) Load(ctx context.Context, req LoadRequest) error {
	return e.Failed(fmt.Sprintf("loading image %q", req.Ref), e.load(ctx, req))
}

func (e *Engine) load(ctx context.Context, req LoadRequest) error {
	previous := req.Previous
	if previous == nil {
		// No answer means no previous image: the load must be able to repair one that cannot be inspected.
		before, _, _ := e.image(ctx, req.Ref)
		previous = &before
	}
	// The engine names nothing before the archive has come to its end.
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
	if errors.As(lastErr, &silent) { // it would not answer the same question now
		return fmt.Errorf("inspecting what was loaded: %w", lastErr)
	}
	loaded, err := e.verify(ctx, req)
	taken := loaded.ID != "" && !loaded.Is(req.IDs...) // by another run, which may know only our image as the one before
	if err == nil || taken {
		e.retireAll(ctx, req, loaded, *previous, last, e.displaced(ctx, before, *previous, last))
	}
	return err
}

// displaced is the image with the ID that the engine has told, unless it is known.
func (e *Engine) displaced(ctx context.Context, id string, known ...Image) Image {
	if id == "" || slices.ContainsFunc(known, func(i Image) bool { return i.ID == id }) {
		return Image{}
	}
	img, _, _ := e.image(ctx, id)
	return img
}

// retireAll removes earlier images that the load has left without a name.
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

// send streams the archive: by the load that has begun, if there is one, else by one of its own. It returns the ID of the image that
// had the name before, if the engine says it.
func (e *Engine) send(ctx context.Context, req LoadRequest) (before string, err error) {
	pending := req.Pending
	if pending == nil {
		pending = e.BeginLoad(ctx, req.Platform, nil)
	}
	err = pending.finish(ctx, req.Write)
	return pending.before, err
}

// writeArchive writes through a buffer, because tar headers are small and each write through a pipe waits for its read.
func writeArchive(ctx context.Context, pipe io.Writer, write func(context.Context, io.Writer) error) error {
	buffered := bufio.NewWriterSize(pipe, 64<<10)
	if err := write(ctx, buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// joinSend puts the cause before its consequence: each side's failure makes the other fail.
func joinSend(writeErr, loadErr error) error {
	switch {
	case writeErr == nil, errors.Is(writeErr, errEnded), errors.Is(writeErr, io.ErrClosedPipe), errors.Is(writeErr, context.Canceled):
		// The writer had no reason of its own. Without a loadErr the engine has simply read enough: the last zeros of
		// a tar file need not be read.
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

// post makes the request and reads the answer to its end, as [readAnswer] does.
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

// verify asks what Ref names now.
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
			_ = e.Retire(ctx, req.Label, req.IDs...) // the name is somebody else's: that is what is told
		}
		err := fmt.Errorf("the engine has %s under this name, not %s", loaded.ID, strings.Join(req.IDs, " or "))
		return loaded, Advise(err, again)
	case !loaded.Complete:
		return loaded, Advise(errors.New("the engine lacks some of its content"), sendAll)
	}
	return loaded, nil
}

// retire removes the previous image when it is ours and the load took its last name away. The engine refuses to remove
// what a container uses (a conflict); it may have removed it itself (not found). Both are fine.
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

// Retire removes an image, by any of its IDs, that has the label and no name any more: one that a container used when
// another took its name, see [LoadRequest]. One that is used still, or gone, is no error.
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

// labelled reports whether the image has the label "key=value", or with "key" any value of it.
func (i Image) labelled(label string) bool {
	key, want, exact := strings.Cut(label, "=")
	value, ok := i.Labels[key]
	return ok && key != "" && (!exact || value == want)
}
