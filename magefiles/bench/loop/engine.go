package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// engine is a client for a Docker Engine, limited to old parts of its API
// (https://docs.docker.com/reference/api/engine/).
type engine struct {
	host   string // in the form of DOCKER_HOST
	client *http.Client
	podman bool // it is podman's compatible API
}

func openEngine(host string) (*engine, error) {
	network, address, found := strings.Cut(host, "://")
	if !found || network != "unix" && network != "tcp" {
		return nil, fmt.Errorf("connecting to the engine %q: this program knows unix:// and tcp:// only\nfix: name one with -engine", host)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
	return &engine{host: host, client: &http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
}

// statusError is an answer without success.
type statusError struct {
	code    int
	message string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the engine answers %d: %s", e.code, e.message)
}

// do sends a request. The caller closes the body of a successful answer.
func (e *engine) do(ctx context.Context, method, path string, query url.Values, body io.Reader) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://engine"+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType(body))
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var said struct{ Message string }
	_ = json.NewDecoder(resp.Body).Decode(&said) // the code is enough
	return nil, &statusError{resp.StatusCode, said.Message}
}

// get decodes an answer's JSON.
func (e *engine) get(ctx context.Context, path string, query url.Values, into any) error {
	body, err := e.do(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(into)
}

// imageID returns an image's ID, or "" if there is no image of that name.
func (e *engine) imageID(ctx context.Context, ref string) (string, error) {
	var image struct{ ID string }
	err := e.get(ctx, "/images/"+ref+"/json", nil, &image)
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusNotFound {
		return "", nil
	}
	return image.ID, err
}

// send sends a tar, and reads the answer to its end: the engine reports failures there, after a code of success.
func (e *engine) send(ctx context.Context, path string, query url.Values, tar io.Reader) error {
	body, err := e.do(ctx, http.MethodPost, path, query, tar)
	if err != nil {
		return err
	}
	defer body.Close()
	for dec := json.NewDecoder(body); ; {
		var message struct{ Error string }
		if err := dec.Decode(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if message.Error != "" {
			return fmt.Errorf("the engine says %s", message.Error)
		}
	}
}

// facts returns a line about the engine for readers of the figures. It must be the first request, because it also detects
// podman.
func (e *engine) facts(ctx context.Context) (string, error) {
	var version struct {
		Version    string
		Components []struct{ Name string }
	}
	var info struct {
		Driver       string
		DriverStatus [][2]string
	}
	if err := e.get(ctx, "/version", nil, &version); err != nil {
		return "", err
	}
	if err := e.get(ctx, "/info", nil, &info); err != nil {
		return "", err
	}
	name := "Docker Engine"
	for _, c := range version.Components {
		if strings.Contains(c.Name, "Podman") {
			name, e.podman = "podman", true
		}
	}
	store := info.Driver
	for _, s := range info.DriverStatus {
		if strings.Contains(s[1], "containerd.snapshotter") {
			store += " of the containerd image store"
		}
	}
	return fmt.Sprintf("%s %s, %s, at %s", name, version.Version, store, e.host), nil
}
