package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/login"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Base is an image that another one is built on.
type Base struct {
	// Reference is the base as the user named it.
	Reference string
	// From says, for people, where it was found: "the engine", "the registry", "dist/layout".
	From string
	// Digest is the digest of the manifest, which names the image in registries and layouts. It is ConfigDigest if there is
	// no manifest, as in an engine with a graph driver.
	Digest digest.Digest
	// ConfigDigest is the digest of the configuration. Two bases with the same one have the same files.
	ConfigDigest digest.Digest
	// ID is the result of [Finder.Identify] for this image. If the two differ, the reference means another image now.
	ID string
	// Image is the configuration with the layers, the lowest first.
	Image *image.Base
	// Blobs are the compressed layers that the manifest names, the lowest first; none if they are not known. They have no
	// bytes; blobs that can be read are in Image.
	Blobs []image.Blob
	// FS is the file system of all layers together.
	FS *FS
	// Paths are the files of this machine that the base was read from. If they change, the base may change.
	Paths []string
	// Instead is the error of the registry, if it was asked first and the base comes from the engine. Otherwise it is nil.
	Instead error
}

// Engine is the part of a Docker Engine that a Finder uses.
type Engine interface {
	// Base looks up an image by name or ID. If there is none, found is false and err is nil.
	Base(ctx context.Context, ref string) (id string, platform image.Platform, found bool, err error)
	// Save writes an image as an archive, as "docker save" does.
	Save(ctx context.Context, ref string, w io.Writer) error
}

// Finder looks for bases. Cache is required; everything else may be zero.
type Finder struct {
	// Cache is the folder for layers. It is created if missing. Several processes may use it at once, and it is safe to
	// remove.
	Cache string
	// Engine returns the engine that is asked first. A nil function, or a nil engine, means that there is none.
	Engine func(ctx context.Context) (Engine, error)
	// RegistryFirst asks the registry before the engine, so that the base and its compressed layers are the same on every
	// machine. The engine is asked only if the registry does not return the base.
	RegistryFirst bool
	// Credentials says where to look for the logins of registries. Default: nowhere.
	Credentials login.Places
	// CAFile is a PEM file of certificate authorities to trust in addition to the system's. "" is none.
	CAFile string
	// PlainHTTP are the registries without TLS: "registry.example:5000". Registries on this machine need not be named.
	PlainHTTP []string
}

// Request says which base to find.
type Request struct {
	// Reference is "alpine:3.20", "repo@sha256:…", "oci:DIR[:tag]", "archive:FILE[:tag]", or the path of an archive or
	// a layout: absolute, or beginning with "./" or "../".
	Reference string
	// Dir is the folder that relative paths start from.
	Dir string
	// Platform is the platform of the image that is built on the base.
	Platform image.Platform
}

// Prefixes of a path.
const (
	layoutPrefix  = "oci:"
	archivePrefix = "archive:"
)

// Find finds the base, and fetches missing layers into the cache. An image in the engine wins over one in the registry if it
// has the right platform, unless RegistryFirst is set.
//
// It fails if there is no such image, if none has the platform (the error lists the platforms that exist), if some bytes do
// not match their digest, or if ctx ends.
func (f Finder) Find(ctx context.Context, r Request) (*Base, error) {
	b, err := f.find(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("finding the base image %q: %w", r.Reference, err)
	}
	return b, nil
}

// find is Find without the context in its error. It asks the engine and the registry in order.
func (f Finder) find(ctx context.Context, r Request) (*Base, error) {
	if r.Reference == "" {
		return nil, errors.New("it has no name")
	}
	if path, tag, ok := r.file(); ok {
		return f.inFile(ctx, r, path, tag)
	}
	if f.RegistryFirst {
		return f.registryFirst(ctx, r)
	}
	b, elsewhere, err := f.inEngine(ctx, r)
	if err != nil {
		if _, wrong := parse(r.Reference); wrong != nil {
			return nil, wrong // the engine is not to blame
		}
		return nil, err
	}
	if b != nil {
		return b, nil
	}
	b, err = f.inRegistry(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s%w", elsewhere, err)
	}
	return b, nil
}

// registryFirst asks the engine only if the registry cannot be reached or does not have the base.
func (f Finder) registryFirst(ctx context.Context, r Request) (*Base, error) {
	b, err := f.inRegistry(ctx, r)
	var remote *RemoteError
	if err == nil || ctx.Err() != nil || !errors.As(err, &remote) {
		return b, err
	}
	b, elsewhere, engineErr := f.inEngine(ctx, r)
	switch {
	case engineErr != nil:
		return nil, errors.Join(engineErr, err)
	case b == nil:
		return nil, fmt.Errorf("%s%w", elsewhere, err)
	}
	b.Instead = err
	return b, nil
}

// Identify returns an ID of the image that the reference means now, without reading the image. It asks the engine once, then
// the registry once if the engine does not have it; RegistryFirst is ignored. A digest or a file always has the same ID: for
// a file, look at [Base.Paths].
func (f Finder) Identify(ctx context.Context, r Request) (string, error) {
	id, err := f.identify(ctx, r)
	if err != nil {
		return "", fmt.Errorf("finding the base image %q: %w", r.Reference, err)
	}
	return id, nil
}

func (f Finder) identify(ctx context.Context, r Request) (string, error) {
	if _, _, ok := r.file(); ok {
		return r.Reference, nil
	}
	if _, pinned := r.pinned(); pinned {
		return r.Reference, nil
	}
	engine, err := f.engine(ctx)
	if err != nil {
		return "", err
	}
	if engine != nil {
		id, own, found, err := engine.Base(ctx, r.Reference)
		if err != nil {
			return "", err
		}
		if found && platform.Fits(own, r.Platform) {
			return id, nil
		}
	}
	d, err := f.head(ctx, r)
	return d.Digest.String(), err
}

func (f Finder) engine(ctx context.Context) (Engine, error) {
	if f.Engine == nil {
		return nil, nil
	}
	return f.Engine(ctx)
}

// file returns the path and the tag of a base that is a file or folder on this machine.
func (r Request) file() (path, tag string, ok bool) {
	for _, prefix := range []string{layoutPrefix, archivePrefix} {
		if rest, found := strings.CutPrefix(r.Reference, prefix); found {
			path, tag = splitTag(r.host, rest)
			return path, tag, true
		}
	}
	for _, prefix := range []string{"/", "./", "../"} {
		if strings.HasPrefix(r.Reference, prefix) || filepath.IsAbs(r.Reference) {
			path, tag = splitTag(r.host, r.Reference)
			return path, tag, true
		}
	}
	return "", "", false
}

// host returns a path on this machine.
func (r Request) host(name string) string {
	if name = filepath.FromSlash(name); !filepath.IsAbs(name) {
		name = filepath.Join(r.Dir, name)
	}
	return filepath.Clean(name)
}

// pinned returns the digest in a reference, if it has one.
func (r Request) pinned() (digest.Digest, bool) {
	_, text, ok := strings.Cut(r.Reference, "@")
	return digest.Digest(text), ok
}

// same returns the ID of the base: the reference if that has a digest, else id.
func (r Request) same(id string) string {
	if _, pinned := r.pinned(); pinned {
		return r.Reference
	}
	return id
}

// RemoteError reports that an engine or a registry does not return the base.
type RemoteError struct{ Err error }

// Error returns the text of the cause.
func (e *RemoteError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RemoteError) Unwrap() error { return e.Err }

// remoteError wraps an error in a [RemoteError]. nil stays nil.
func remoteError(err error) error {
	if err == nil {
		return nil
	}
	return &RemoteError{err}
}
