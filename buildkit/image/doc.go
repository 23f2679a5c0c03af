// Package image makes a container image out of files that have an owner, a mode and a place: layers, the
// configuration and the manifest, with all digests known before a byte is sent anywhere.
//
// [NewLayer] reads every source once to learn the digest, [New] puts layers and a [Config] together, and
// [Layer.WriteTo] reads the sources again to stream the same bytes. No layer is ever held in memory or on disk.
//
// Layers are uncompressed tar archives: an engine on the same machine takes them up to three times faster than
// compressed ones, and the digest of the blob and the diff ID of the layer are then the same. What is written
// depends on the arguments alone: not on the clock, the umask, the time zone, the host's users or the times of the
// files that are read.
//
// The formats are those of the OCI image specification, https://github.com/opencontainers/image-spec/tree/v1.1.1,
// with Docker's health check, which every engine but podman honours when it is part of the image.
package image
