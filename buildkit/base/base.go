package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/login"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Base is an image to be put under another one.
type Base struct {
	// Reference is the base as the user named it.
	Reference string
	// From says for people where it was found: "the engine", "the registry", "dist/layout".
	From string
	// Digest is the manifest's, which names the image in registries and layouts; where there is none, in an engine with
	// a graph driver, it is ConfigDigest.
	Digest digest.Digest
	// ConfigDigest is that of the configuration: of two bases with the same one, every file is the same.
	ConfigDigest digest.Digest
	// ID tells whether the reference means another image now: it is what [Finder.Identify] gives for the same one.
	ID string
	// Image is the configuration with the layers, the lowest first.
	Image *image.Base
	// Blobs are the layers as the manifest names them, compressed, the lowest first; none where that is not known. They
	// have no bytes: those that can be read are in Image.
	Blobs []image.Blob
	// FS is the file system of all layers together.
	FS *FS
	// Paths are files of this machine that the reference is read from: whatever changes there may change the base.
	Paths []string
	// Instead is why the base is not that of the registry, which was asked first; nil when it is, or was not asked.
	Instead error
}

// Engine is what is asked of a Docker Engine.
type Engine interface {
	// Base asks for an image by name or ID; found is false, without an error, when there is none.
	Base(ctx context.Context, ref string) (id string, platform image.Platform, found bool, err error)
	// Save writes an image as an archive, as "docker save" does.
	Save(ctx context.Context, ref string, w io.Writer) error
}

// Finder looks for bases. Cache is required, all else may be zero.
type Finder struct {
	// Cache is the folder that layers are kept in; it is made. Several processes may use it at once, and it is safe to
	// remove.
	Cache string
	// Engine gives the engine that is asked first; one that is nil, or a nil function, is none.
	Engine func(ctx context.Context) (Engine, error)
	// RegistryFirst asks the registry before the engine. The base, and its layers as they are compressed there, are the
	// same on every machine then, whatever an engine has. An engine is asked when the registry does not give the base.
	RegistryFirst bool
	// Credentials says where the logins of registries are found. Default: nowhere.
	Credentials login.Places
	// CAFile is a PEM file of certificate authorities that count besides the system's. "" is none.
	CAFile string
	// PlainHTTP are the registries that speak no TLS: "registry.example:5000". One of this machine need not be named.
	PlainHTTP []string
}

// Request is a base that is looked for.
type Request struct {
	// Reference is "alpine:3.20", "repo@sha256:…", "oci:DIR[:tag]", "archive:FILE[:tag]", or the path of an archive or
	// a layout: absolute, or beginning with "./" or "../".
	Reference string
	// Dir is the folder that relative paths start at.
	Dir string
	// Platform is that of the image that is to be put on the base.
	Platform image.Platform
}

// The words before a path.
const (
	layoutPrefix  = "oci:"
	archivePrefix = "archive:"
)

// Find finds the base. What is not in the cache yet is fetched into it. The image that a name stands for in the engine
// counts before the one in the registry, if it is of the platform, unless RegistryFirst says otherwise.
//
// It fails when there is none, when none is of the platform (the error lists those that are there), when what is read is not
// what its digest says, or when ctx ends.
func (f Finder) Find(ctx context.Context, r Request) (*Base, error) {
	b, err := f.find(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("finding the base image %q: %w", r.Reference, err)
	}
	return b, nil
}

// find asks the places in their order.
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
			return nil, wrong // not the engine's fault
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

// registryFirst asks the engine only for what the registry does not have, or where it cannot be reached.
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

// Identify tells what the reference means now, without reading the image: by one question to the engine, and one to the
// registry when the engine has none; RegistryFirst does not count here. A reference by digest, and a file, always mean the same here: of a file the state
// of [Base.Paths] tells.
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

// file is the path of a base that is a file or folder of this machine, with the tag behind it.
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

// host is a path on this machine.
func (r Request) host(name string) string {
	if name = filepath.FromSlash(name); !filepath.IsAbs(name) {
		name = filepath.Join(r.Dir, name)
	}
	return filepath.Clean(name)
}

// pinned is the digest of a reference that has one.
func (r Request) pinned() (digest.Digest, bool) {
	_, text, ok := strings.Cut(r.Reference, "@")
	return digest.Digest(text), ok
}

// same is the ID of a base that is always the same.
func (r Request) same(id string) string {
	if _, pinned := r.pinned(); pinned {
		return r.Reference
	}
	return id
}

// RemoteError is that an engine or a registry does not give the base.
type RemoteError struct{ Err error }

// Error is the cause's.
func (e *RemoteError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RemoteError) Unwrap() error { return e.Err }

// remoteError makes an error one of an engine or registry; nil stays nil.
func remoteError(err error) error {
	if err == nil {
		return nil
	}
	return &RemoteError{err}
}
