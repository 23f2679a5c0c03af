// Package registry brings images into OCI registries.
//
// [Push] sends only what the registry lacks. Layers are compressed once and cached in a folder. Each is mounted from another
// repository if the registry can do that, else uploaded. Uploads run in parallel and are retried when a connection breaks.
// The manifest comes last. It is the same from every machine: it has the image's own configuration, and go.mod fixes the
// version of the library that compresses the layers.
//
// The protocol is https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, implemented by
// oras.land/oras-go. Logins come from the files of docker and podman, see [Credentials]. No error and no file contains
// them.
package registry
