// Package base finds the image that another one is put on: in a Docker Engine, in a registry, in an OCI layout, in an
// archive. [Finder.Find] gives it as a plain value: its configuration, its layers as files in a cache, and its file
// system, flattened. Nothing of it is unpacked: files are read where they lie in the layers.
//
// What it reads is somebody else's. Every blob is compared with its digest and every layer with its diff ID; sizes and
// numbers are bounded; no link leads out of the file system.
package base
