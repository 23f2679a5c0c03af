// Package buildkit is the kit that builds: it takes a Go program from source to
// a minimal image made from scratch. It is not moby/buildkit and does not use it.
//
// Each stage takes values and returns values, which no later stage changes:
//
//	Config ─Resolve▶ Plan ─Build▶ Result ─▶ Load | ArchiveAll | LayoutAll | PushAll
//
// [Resolve] makes one [Plan] for each image from the Configs, the environment and
// the module. It compiles nothing. [Build] compiles the program, computes its
// closure of shared libraries, assembles the root file system, proves that the
// program finds every library in it, and makes the image. The methods of [Result],
// and functions like [PushAll], explain and deliver the image.
//
// This package only orders the stages. Package gobuild runs the go command, on this
// machine or in a builder's container. Packages rootfs and rootfs/ldd know files, and
// image knows layers. Package base finds the image that another one is put on. Package
// deliver writes archives and layouts, registry pushes, and docker speaks to an engine.
package buildkit
