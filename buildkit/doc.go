// Package buildkit is the kit that builds: it takes a Go program from source to
// a minimal image made from scratch. It is not moby/buildkit and does not use it.
//
// The way of the data is one way, and no room is entered twice:
//
//	Config ─Resolve▶ Plan ─Build▶ Result ─▶ Load | ArchiveAll | LayoutAll | PushAll
//
// [Resolve] turns what the user wrote, what the environment says and what the
// module holds into one [Plan] per image; it compiles nothing. [Build]
// compiles, computes the shared-library closure, assembles the root file system,
// proves that the program will find every library in it, and describes the image.
// What is done with the image then are the verbs on [Result].
//
// The package orders stages and does nothing itself: package gobuild runs the go
// command, here or in a builder's container, rootfs and rootfs/ldd know files, image
// knows layers, base finds the image that another is put on, deliver writes archives
// and layouts, registry pushes and docker speaks to an engine.
package buildkit
