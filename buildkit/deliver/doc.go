// Package deliver writes images for those who take them: one archive that every engine and tool can load, and folders
// that hold many images.
//
// [Archive] is an OCI image layout that also has Docker's manifest.json, whose configuration and layers are the blobs
// of the layout. "docker load" of every age takes it, with a graph driver or with containerd's image store, and so do
// podman and skopeo, as docker-archive: and as oci-archive:. It is streamed: neither memory nor disk ever hold a layer.
//
// [Layout] is an OCI image layout as a folder. Other images in it stay, and several runs may write to it.
//
//   - https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
//   - https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format
package deliver
