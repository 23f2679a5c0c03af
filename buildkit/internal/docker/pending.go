package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// PendingLoad is a load whose request has begun while its archive is still being made. This saves time: when an archive
// begins, dockerd before version 23 starts a process to unpack it, which takes 40 to 80 ms
// (https://github.com/moby/moby/blob/v20.10.24/pkg/chrootarchive/archive_unix.go). The engine keeps and names nothing
// before the end of the archive.
type PendingLoad struct {
	head   []byte // the beginning of the archive, already sent
	pipe   *io.PipeWriter
	stop   context.CancelFunc
	sent   chan error // gets the error of sending the head, once
	answer chan error // gets the error of the request, once
	ended  bool       // both were received
	before string     // the ID of the image that had the name before, if the engine reports it; read after answer
}

// errAbandoned ends the request of an abandoned load.
var errAbandoned = errors.New("there is nothing to load")

// BeginLoad begins a load with the first bytes of its archive, which may be none. Every archive that may follow must begin
// with these bytes. BeginLoad does not wait for the engine. The caller passes the result to Load or abandons it. The end of
// ctx ends it too.
func (e *Engine) BeginLoad(ctx context.Context, platform Platform, head []byte) *PendingLoad {
	ctx, stop := context.WithCancel(ctx)
	body, pipe := io.Pipe()
	p := &PendingLoad{head: head, pipe: pipe, stop: stop, sent: make(chan error, 1), answer: make(chan error, 1)}
	go func() {
		before, err := e.post(ctx, platform, body)
		p.before = before
		// The engine has answered and reads no more.
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

// Abandon cancels the load and returns when its request has ended. It does nothing after a Load with p.
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

// rest drops the head, which was already sent, and passes on the bytes after it.
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
