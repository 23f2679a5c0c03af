// Package deliver writes images as archives that every engine and tool can load, and into OCI layouts, which hold many
// images.
//
// [Archive] writes an OCI image layout as a tar. It also has Docker's manifest.json, whose configuration and layers are the
// blobs of the layout. Every version of "docker load" reads it, with a graph driver or containerd's image store. podman and
// skopeo read it too, as docker-archive: and as oci-archive:. It is streamed: no layer is held in memory or on disk.
//
// [Layout] writes into an OCI image layout in a folder. Other images in it stay, and several runs may write to it.
//
//   - https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
//   - https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format
package deliver
