// Package targets holds the mage targets that take a Go program from source to a
// minimal image built from scratch and into Docker. One line in the program's own
// magefile imports them:
//
//	//mage:import
//	import _ "github.com/fromscratch-go/fromscratch/magefiles/targets"
//
// With a named import a magefile can say more about its images, see [Configure].
//
// Environment: IMAGE_NAME selects one image of several, IMAGE_REPO, IMAGE_TAG and
// IMAGE_PLATFORM win over the Config, IMAGE_OUTPUT is docker, archive, kind,
// kind:CLUSTER or auto (an archive when no engine is chosen or there), IMAGE_LAYOUT is a layout
// that imageLayout adds to, IMAGE_DOCKERFILE is where imageDockerfile writes,
// IMAGE_DEV_SWAP (bind or copy) is how imageDev brings a program into its container,
// IMAGE_BUILDER_SOURCES (bind or copy) how a Builder gets the sources,
// IMAGE_SHOW_VALUES=1 has imagePlan show the values of Env and GoEnv,
// IMAGE_ENGINE_TIMEOUT (5m) how long an engine may take to answer a request, and
// SOURCE_DATE_EPOCH is the time of every file.
// DOCKER_HOST, DOCKER_CONTEXT and the DOCKER_TLS variables mean what they mean to
// the docker command. imagePush writes the references with digests to the file
// IMAGE_REFS; IMAGE_REGISTRY_CA is a PEM file of authorities, IMAGE_REGISTRY_HTTP
// names registries that speak no TLS; logins are found where docker and podman
// have put them.
//
// stdout carries the result only, progress goes to stderr. Exit codes: 1 the
// build failed, 2 the configuration is wrong, 3 the engine or a registry failed, 130
// interrupted; imageRun ends with the program's own code.
//
// The work is done by a command of the same module, package
// magefiles/fromscratch, which the first target to run compiles in the versions
// that the magefile's go.mod names, into mage's cache. What is imported here is
// paid at every start of mage, so it is little.
//
// The exported functions are the package's stable surface: mage makes a target
// of each of them.
package targets

import "context"

// Image builds every image and loads it into Docker; where there is no Docker it writes an archive.
func Image(ctx context.Context) error { return run(ctx, "image") }

// ImageRootfs builds and writes the root file system to dist/NAME/rootfs, no more.
func ImageRootfs(ctx context.Context) error { return run(ctx, "imageRootfs") }

// ImageArchive builds and writes dist/NAME/image.tar, for docker load, podman load and skopeo.
func ImageArchive(ctx context.Context) error { return run(ctx, "imageArchive") }

// ImageSBOM builds and writes what is in the image, as SPDX and CycloneDX, and where it comes from, to dist/NAME.
func ImageSBOM(ctx context.Context) error { return run(ctx, "imageSBOM") }

// ImageLayout builds and writes dist/NAME/layout, an OCI image layout; IMAGE_LAYOUT=DIR adds the images to another one.
func ImageLayout(ctx context.Context) error { return run(ctx, "imageLayout") }

// ImagePush builds and pushes every image to its registry, and prints the references with digests; it needs no Docker.
func ImagePush(ctx context.Context) error { return run(ctx, "imagePush") }

// ImageRun builds, loads and runs one image; what follows "--" are the program's arguments.
func ImageRun(ctx context.Context) error { return run(ctx, "imageRun") }

// ImageDev builds, loads and runs the images, and puts each change of the source into the running containers.
func ImageDev(ctx context.Context) error { return run(ctx, "imageDev") }

// ImagePlan prints what would be built, each value with where it comes from.
func ImagePlan(ctx context.Context) error { return run(ctx, "imagePlan") }

// ImageExplain builds and prints what is in the image and why; "-- /path" explains one file, "-- --json" is for programs.
func ImageExplain(ctx context.Context) error { return run(ctx, "imageExplain") }

// ImageDockerfile writes a Dockerfile that builds the same image without fromscratch, and a .dockerignore.
func ImageDockerfile(ctx context.Context) error { return run(ctx, "imageDockerfile") }

// ImageClean removes what the other targets have written to dist/.
func ImageClean(ctx context.Context) error { return run(ctx, "imageClean") }
