// Package registry brings images into OCI registries.
//
// [Push] sends what a registry has not: layers are compressed once and kept in a folder, asked for before they are sent,
// taken over from other repositories where the registry can, sent side by side, and sent again when a connection breaks.
// The manifest comes last, and is the same from every machine: the configuration is the image's, and the layers are
// compressed by a library whose version the module fixes.
//
// The protocol is that of https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, spoken by
// oras.land/oras-go. Credentials are found where docker and podman have put them, see [Credentials]; they are in no
// error and in nothing that is written.
package registry
