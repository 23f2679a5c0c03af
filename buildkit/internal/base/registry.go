package base

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry/access"
)

// inRegistry finds the base in its registry. For a tag it sends a HEAD request each time. A digest in the cache needs no
// request.
func (f Finder) inRegistry(ctx context.Context, r Request) (*Base, error) {
	named, err := parse(r.Reference)
	if err != nil {
		return nil, err
	}
	if d, pinned := r.pinned(); pinned {
		if b, err := f.recallPulled(ctx, r, d.String()); b != nil || err != nil {
			return b, err
		}
	}
	p, err := f.connect(ctx, named)
	if err != nil {
		return nil, err
	}
	if b, err := f.recallPulled(ctx, r, p.root.Digest.String()); b != nil || err != nil {
		return b, err
	}
	c, err := pick(ctx, p.fetch, []ocispec.Descriptor{p.root}, r.Platform)
	if err != nil {
		return nil, err
	}
	c.id, c.From, c.FullName = p.root.Digest.String(), "the registry "+reference.Domain(named), named.Name()
	c.located(p.fetch)
	b, err := f.complete(ctx, r, c)
	if err != nil {
		return nil, err
	}
	return b, cache(f.Cache).remember(cache(f.Cache).recordName("registry", named.Name()+"@"+c.id, r.Platform), c.record)
}

// recallPulled returns a base that was pulled before, nil if its record or a layer is missing. Its blobs are opened in the
// registry on demand.
func (f Finder) recallPulled(ctx context.Context, r Request, digest string) (*Base, error) {
	named, err := parse(r.Reference)
	if err != nil {
		return nil, err
	}
	rec, ok := cache(f.Cache).recall(cache(f.Cache).recordName("registry", named.Name()+"@"+digest, r.Platform))
	if !ok || !f.cached(rec) {
		return nil, nil
	}
	parsed, err := image.ParseBase(rec.Config, nil)
	if err != nil {
		return nil, err
	}
	c := candidate{record: rec, id: digest}
	c.located(func(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
		p, err := f.connect(ctx, named)
		if err != nil {
			return nil, err
		}
		return p.fetch(ctx, d)
	})
	return f.make(ctx, r, c, parsed)
}

// located sets the blobs of a record to those in its repository.
func (c *candidate) located(fetch fetcher) {
	c.blobs = nil
	for _, b := range c.Blobs {
		d := ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size}
		c.blobs = append(c.blobs, image.Blob{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size, Repository: c.FullName,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return fetch(ctx, d) }})
	}
}

// head asks the registry for the descriptor of a reference.
func (f Finder) head(ctx context.Context, r Request) (ocispec.Descriptor, error) {
	named, err := parse(r.Reference)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	p, err := f.connect(ctx, named)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return p.root, nil
}

// parse reads a reference as the docker command does. Without a registry it means Docker Hub, without a tag "latest".
func parse(ref string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, fmt.Errorf("%w\nfix: write it like \"alpine:3.20\", \"registry.example/acme/base@sha256:…\", \"oci:DIR\" or \"archive:FILE\"", err)
	}
	return reference.TagNameOnly(named), nil
}

// answerWithin is how long a registry may take to answer such a cheap request. It is tried several times.
const answerWithin = 30 * time.Second

// pull is a connection to the repository of a base.
type pull struct {
	client *access.Client
	root   ocispec.Descriptor // what the reference means
}

// connect asks the registry for the reference, with the login of docker or podman.
func (f Finder) connect(ctx context.Context, named reference.Named) (*pull, error) {
	client, err := access.Open(access.Options{
		Repository: named, Credentials: f.Credentials, CAFile: f.CAFile,
		PlainHTTP: slices.Contains(f.PlainHTTP, reference.Domain(named)), Answer: answerWithin, Retry: true,
	})
	if err != nil {
		return nil, err
	}
	what := "latest"
	if d, ok := named.(reference.Digested); ok {
		what = d.Digest().String()
	} else if t, ok := named.(reference.Tagged); ok {
		what = t.Tag()
	}
	var root ocispec.Descriptor
	if err = client.Probe(ctx); err == nil {
		root, err = client.Repo.Resolve(ctx, what)
	}
	if err == nil {
		return &pull{client, root}, nil
	}
	client.Close()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, refusal(client, named, err)
}

// refusal returns the error for a reference that cannot be resolved. It is a [RemoteError], unless the failure is on this
// machine.
func refusal(client *access.Client, named reference.Named, err error) error {
	text := words(client, err)
	if !strings.Contains(text, "\nfix: ") {
		text += "\nfix: " + fixFor(err, named)
	}
	err = &worded{fmt.Sprintf("asking the registry %s: %s", reference.Domain(named), text), err}
	var local *access.LocalError
	if errors.As(err, &local) {
		return err
	}
	return remoteError(err)
}

// words returns the text of an error, without secrets, and with the registry's words in one line.
func words(client *access.Client, err error) string {
	var local *access.LocalError
	var proxy *access.ProxyError
	switch {
	case errors.As(err, &proxy):
		return proxy.Error()
	case errors.As(err, &local):
		return client.Hide(local.Error())
	}
	return client.Words(err.Error())
}

// worded is an error with another text.
type worded struct {
	text string
	err  error
}

func (w *worded) Error() string { return w.text }
func (w *worded) Unwrap() error { return w.err }

// fixFor returns the fix for a reference that cannot be resolved.
func fixFor(err error, named reference.Named) string {
	var unknown x509.UnknownAuthorityError
	var proxy *access.ProxyError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &proxy):
		return proxy.Fix()
	case errors.As(err, &unknown):
		return "set IMAGE_REGISTRY_CA to the PEM file of the registry's certificate authority"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &noTLS):
		return "if the registry has no TLS, set IMAGE_REGISTRY_HTTP=" + reference.Domain(named)
	}
	return fmt.Sprintf("check the name, pull it (\"docker pull %s\"), \"docker login\" for a private one, or name it by digest", reference.FamiliarString(named))
}

// fetch implements [fetcher].
func (p *pull) fetch(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	body, err := p.client.Repo.Fetch(ctx, d)
	switch {
	case err == nil:
		return body, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, &worded{words(p.client, err), err}
}
