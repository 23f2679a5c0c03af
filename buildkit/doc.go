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
// [Engines] opens the Docker Engines of a run. The method Run of a [Deliverable] runs an
// image until its program ends. [Result.Develop] runs it in a container whose program can
// be replaced; a [Watcher] reports when its source has changed.
//
// This package only orders the stages. What a stage does is in a package below internal/,
// which other modules cannot import. Packages rootfs and rootfs/ldd know files.
package buildkit
