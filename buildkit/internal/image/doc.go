// Package image makes a container image from [File]s, each a tar header and a way to read its bytes. It returns the
// layers, the configuration and the manifest, and knows all digests before a byte is sent anywhere.
//
// [NewLayer] reads every source once to compute the digest, [New] combines layers and a [Config], and [Layer.WriteTo]
// reads the sources again to stream the same bytes. No layer is held in memory or on disk.
//
// Layers are uncompressed tar archives. An engine on the same machine loads them up to three times faster than
// compressed ones, and the digest of the blob equals the diff ID of the layer. The bytes depend on the arguments alone:
// not on the clock, the umask, the time zone, the host's users or the times of the source files.
//
// The formats are those of the OCI image specification, https://github.com/opencontainers/image-spec/tree/v1.1.1,
// with Docker's health check, which every engine but podman honours when it is part of the image.
package image
