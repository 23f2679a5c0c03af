package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// PendingLoad is a load whose request is under way while its archive is still being made. An engine has work to do before
// it unpacks, as soon as it sees how an archive begins: dockerd before version 23 starts a process for it, which takes
// 40 to 80 ms (https://github.com/moby/moby/blob/v20.10.24/pkg/chrootarchive/archive_unix.go). Nothing is named or kept
// by it until the archive has come to its end.
type PendingLoad struct {
	head   []byte // has been sent; the archive begins with it
	pipe   *io.PipeWriter
	stop   context.CancelFunc
	sent   chan error // one: whether the head went out
	answer chan error // one: how the request ended
	ended  bool       // both were heard
	before string     // the ID of the image that had the name before, if the engine says it; set before the answer is
}

// errAbandoned is what a request ends with that is given up.
var errAbandoned = errors.New("there is nothing to load")

// BeginLoad begins a load with the first bytes of its archive, which must be those of every archive that may follow, or
// none. It does not wait for the engine. The caller hands what it returns to Load, or abandons it. ctx ends it, too.
func (e *Engine) BeginLoad(ctx context.Context, platform Platform, head []byte) *PendingLoad {
	ctx, stop := context.WithCancel(ctx)
	body, pipe := io.Pipe()
	p := &PendingLoad{head: head, pipe: pipe, stop: stop, sent: make(chan error, 1), answer: make(chan error, 1)}
	go func() {
		before, err := e.post(ctx, platform, body)
		p.before = before
		// The engine has answered: whatever is still being written is in vain.
		body.CloseWithError(errEnded)
		p.answer <- err
	}()
	go func() {
		var err error
		if len(head) > 0 {
			_, err = pipe.Write(head)
		}
		p.sent <- err
	}()
	return p
}

// Abandon gives the load up, and returns when its request has ended. After a load by it, it does nothing.
func (p *PendingLoad) Abandon() {
	p.pipe.CloseWithError(errAbandoned)
	p.stop()
	if !p.ended {
		p.ended = true
		<-p.answer
		<-p.sent
	}
}

// finish sends the archive and waits for the answer.
func (p *PendingLoad) finish(ctx context.Context, write func(context.Context, io.Writer) error) error {
	writing, stop := context.WithCancel(ctx)
	defer stop()
	defer p.stop()
	written := make(chan error, 1)
	go func() {
		err := <-p.sent
		if err == nil {
			err = writeArchive(writing, &rest{p.pipe, p.head}, write)
		}
		p.pipe.CloseWithError(err) // nil is the end of the archive; anything else aborts the request
		written <- err
	}()
	loadErr := <-p.answer
	p.ended = true
	stop()
	writeErr := <-written
	if ctx.Err() != nil && (loadErr != nil || writeErr != nil) {
		return context.Cause(ctx)
	}
	return joinSend(writeErr, loadErr)
}

// rest passes on what comes after a head that has been sent.
type rest struct {
	io.Writer
	head []byte
}

func (r *rest) Write(p []byte) (int, error) {
	n := min(len(p), len(r.head))
	if !bytes.Equal(p[:n], r.head[:n]) {
		return 0, fmt.Errorf("the archive does not begin with the %d bytes that were sent", len(r.head))
	}
	r.head = r.head[n:]
	if n == len(p) {
		return n, nil
	}
	m, err := r.Writer.Write(p[n:])
	return n + m, err
}
