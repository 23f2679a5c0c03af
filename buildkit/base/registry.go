package base

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/stall"
)

// inRegistry finds the base in its registry. A tag is asked for each time, which is a HEAD; what is in the cache by
// digest is not asked for again.
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

// recallPulled makes the base of what was pulled before, nil when that is not known or not there. Its blobs are opened
// in the registry, when somebody wants them.
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

// located makes the blobs of a record those of its repository.
func (c *candidate) located(fetch fetcher) {
	c.blobs = nil
	for _, b := range c.Blobs {
		d := ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size}
		c.blobs = append(c.blobs, image.Blob{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size, Repository: c.FullName,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return fetch(ctx, d) }})
	}
}

// head asks the registry what a reference means.
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

// parse reads a reference as the docker command does: no registry is Docker Hub, no tag is latest.
func parse(ref string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, fmt.Errorf("%w\nfix: write it like \"alpine:3.20\", \"registry.example/acme/base@sha256:…\", \"oci:DIR\" or \"archive:FILE\"", err)
	}
	return reference.TagNameOnly(named), nil
}

// answerWithin is how long a registry may take to answer: it has nothing to do for it. Several tries are made.
const answerWithin = 30 * time.Second

// pull is a connection to the repository of a base.
type pull struct {
	repository *remote.Repository
	root       ocispec.Descriptor // what the reference means
}

// connect asks the registry for the reference, with the credentials that the docker command has for it.
func (f Finder) connect(ctx context.Context, named reference.Named) (*pull, error) {
	repository, err := remote.NewRepository(named.Name())
	if err != nil {
		return nil, err
	}
	transport, err := f.transport()
	if err != nil {
		return nil, err
	}
	repository.PlainHTTP = slices.Contains(f.PlainHTTP, reference.Domain(named))
	client := &auth.Client{Client: &http.Client{Transport: retry.NewTransport(&stall.Transport{Base: transport, Answer: answerWithin})}, Cache: auth.NewCache()}
	client.SetUserAgent("fromscratch")
	if f.DockerConfig != "" {
		store, err := credentials.NewStore(filepath.Join(f.DockerConfig, "config.json"), credentials.StoreOptions{})
		if err != nil {
			return nil, fmt.Errorf("reading the credentials for registries: %w\nfix: correct config.json in %q", err, f.DockerConfig)
		}
		client.Credential = credentials.Credential(store)
	}
	repository.Client = client
	what := "latest"
	if d, ok := named.(reference.Digested); ok {
		what = d.Digest().String()
	} else if t, ok := named.(reference.Tagged); ok {
		what = t.Tag()
	}
	root, err := repository.Resolve(ctx, what)
	if err != nil && ctx.Err() == nil && !repository.PlainHTTP && loopback(reference.Domain(named)) {
		// As docker has it, a registry of this machine may go without TLS.
		repository.PlainHTTP = true
		plain, plainErr := repository.Resolve(ctx, what)
		if root = plain; plainErr == nil {
			err = nil
		} else if notTLS(err) {
			err = plainErr
		}
	}
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, remoteError(fmt.Errorf("asking the registry %s: %w\nfix: %s", reference.Domain(named), err, fixFor(err, named)))
	}
	return &pull{repository, root}, nil
}

// fixFor is what helps when a registry does not tell what a reference means.
func fixFor(err error, named reference.Named) string {
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return "name the PEM file of the registry's authority with IMAGE_REGISTRY_CA"
	case notTLS(err):
		return "if it is to be without TLS, say so with IMAGE_REGISTRY_HTTP=" + reference.Domain(named)
	}
	return fmt.Sprintf("look at the name, pull it (\"docker pull %s\"), \"docker login\" for a private one, or name it by digest", reference.FamiliarString(named))
}

// transport is the one of the standard library, with the certificate authorities of the system and of CAFile.
func (f Finder) transport() (http.RoundTripper, error) {
	if f.CAFile == "" {
		return http.DefaultTransport, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	text, err := os.ReadFile(f.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates for registries: %w\nfix: set IMAGE_REGISTRY_CA to a PEM file", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("reading the certificates for registries: there is none in %q\nfix: set IMAGE_REGISTRY_CA to a PEM file", f.CAFile)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	t.DisableKeepAlives = true // nobody closes its connections
	return t, nil
}

// notTLS says whether a server speaks HTTP without TLS.
func notTLS(err error) bool {
	return strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// fetch is a [fetcher].
func (p *pull) fetch(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	body, err := p.repository.Fetch(ctx, d)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return body, err
}

// loopback says whether a registry is on this machine.
func loopback(domain string) bool {
	host := domain
	if h, _, err := net.SplitHostPort(domain); err == nil {
		host = h
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
