package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// output runs an image's program without a network, and returns its stdout.
func (e *engine) output(ctx context.Context, name, image string, args ...string) (out []byte, err error) {
	create := marshal(object{"Image": image, "Cmd": args, "HostConfig": object{"NetworkMode": "none"}})
	body, err := e.do(ctx, http.MethodPost, "/containers/create", url.Values{"name": {name}}, document{bytes.NewReader(create)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.remove(context.WithoutCancel(ctx), "/containers/"+name, "1")) }()
	if err := body.Close(); err != nil {
		return nil, err
	}
	for _, step := range []string{"start", "wait"} {
		body, err := e.do(ctx, http.MethodPost, "/containers/"+name+"/"+step, nil, nil)
		if err != nil {
			return nil, err
		}
		// The engine answers a wait when the program has ended.
		if _, err := io.Copy(io.Discard, body); err != nil {
			return nil, errors.Join(err, body.Close())
		}
		if err := body.Close(); err != nil {
			return nil, err
		}
	}
	logs, err := e.do(ctx, http.MethodGet, "/containers/"+name+"/logs", url.Values{"stdout": {"1"}}, nil)
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	return frames(logs)
}

// document is a request body in JSON.
type document struct{ io.Reader }

// contentType returns the type of a request body.
func contentType(body io.Reader) string {
	if _, ok := body.(document); ok {
		return "application/json"
	}
	return "application/x-tar"
}

// frames joins the frames of a stream, each of which has a header of eight bytes
// (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach).
func frames(r io.Reader) ([]byte, error) {
	var all []byte
	for {
		var header struct{ Stream, Size uint32 }
		if err := binary.Read(r, binary.BigEndian, &header); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		frame := make([]byte, header.Size)
		if _, err := io.ReadFull(r, frame); err != nil {
			return nil, err
		}
		all = append(all, frame...)
	}
}
