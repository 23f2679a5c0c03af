// Package base finds the image that another one is built on, in a Docker Engine, a registry, an OCI layout or an archive.
// [Finder.Find] returns its configuration, its layers as files in a cache, and its flattened file system. No layer is
// unpacked: files are read from where they are in the layers.
//
// Its input is not trusted. Every blob is checked against its digest and every layer against its diff ID. Sizes and numbers
// are bounded. No link leads out of the file system.
package base
