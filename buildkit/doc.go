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
// [Engines] are the Docker Engines of a run. An [Engine] runs images: [Deliverable] until
// the program ends, and [Result.Develop] with a program that is replaced when its source
// changes, which a [Watcher] sees.
//
// This package only orders the stages. What a stage does is in a package below internal/,
// which other modules cannot import. Packages rootfs and rootfs/ldd know files.
package buildkit
