// Package targets holds the mage targets that take a Go program from source to a
// minimal image built from scratch and into Docker. One line in the program's own
// magefile imports them:
//
//	//mage:import
//	import _ "github.com/fromscratch-go/fromscratch/magefiles/targets"
//
// With a named import a magefile can say more about its images, see [Configure].
//
// Environment variables:
//
//   - IMAGE_NAME selects images, by name.
//   - IMAGE_REPO and IMAGE_PLATFORM win over Repo and Platforms of the Config, IMAGE_TAG
//     over the first of its Tags.
//   - IMAGE_OUTPUT is docker, archive, kind, kind:CLUSTER or auto. auto loads the
//     image into the engine, or writes an archive if no engine is chosen and none
//     is found.
//   - IMAGE_FORMAT is text, or json for one JSON document on stdout (docs/json.md).
//   - IMAGE_LAYOUT is the OCI layout that imageLayout adds to.
//   - IMAGE_DOCKERFILE is the file that imageDockerfile writes.
//   - IMAGE_DEV_SWAP is how imageDev brings a program into its container: bind or copy.
//   - IMAGE_CONTAINER_SOURCES is how a Build.Container gets the sources: bind or copy.
//   - IMAGE_SHOW_VALUES=1 makes imagePlan show the values of Env and Build.Env.
//   - IMAGE_ENGINE_TIMEOUT is how long an engine may take to answer a request, as in 5m.
//   - IMAGE_REFS is the file to which imagePush, imageResolve and imageApply write the
//     references with digests.
//   - IMAGE_REGISTRY_CA is a PEM file of further authorities for registries.
//   - IMAGE_REGISTRY_HTTP names registries that are used without TLS.
//   - SOURCE_DATE_EPOCH is the time of every file.
//
// DOCKER_HOST, DOCKER_CONTEXT and the DOCKER_TLS variables work as for the docker
// command. Logins are read from where docker and podman keep them.
//
// stdout has only the result. Progress goes to stderr. Exit codes: 1 the build or a
// check failed, 2 the configuration is wrong, 3 the engine or a registry failed, 130
// interrupted; imageRun ends with the program's own code, imageApply with kubectl's.
//
// A separate program, the worker, does the work: package magefiles/fromscratch of the
// module github.com/fromscratch-go/fromscratch, in the same version. The first target
// to run compiles it into the user's cache folder, in a module of its own; a tool line
// in go.mod pins it to the versions there:
//
//	go get -tool github.com/fromscratch-go/fromscratch/magefiles/fromscratch
//
// mage lists and links this package at every start, so it imports little.
//
// The exported functions are the package's stable API: mage makes each of them a
// target.
package targets

import "context"

// Image builds every image and loads it into Docker, or writes an archive if no engine is chosen and none is found.
func Image(ctx context.Context) error { return run(ctx, "image") }

// ImageRootfs builds the root file system of every image and writes it to dist/NAME/rootfs.
func ImageRootfs(ctx context.Context) error { return run(ctx, "imageRootfs") }

// ImageArchive builds every image and writes it to dist/NAME/image.tar, for docker load, podman load and skopeo.
func ImageArchive(ctx context.Context) error { return run(ctx, "imageArchive") }

// ImageSBOM builds every image and writes its SBOM (SPDX and CycloneDX) and its provenance to dist/NAME.
func ImageSBOM(ctx context.Context) error { return run(ctx, "imageSBOM") }

// ImageLayout builds every image and writes it to dist/NAME/layout, an OCI layout; IMAGE_LAYOUT=DIR adds all images to the layout DIR.
func ImageLayout(ctx context.Context) error { return run(ctx, "imageLayout") }

// ImagePush builds every image, pushes it to its registry and prints the reference with its digest.
// It needs an engine only for a Build.Container, and for a Base that its registry does not have.
func ImagePush(ctx context.Context) error { return run(ctx, "imagePush") }

// ImageRun builds, loads and runs one image; the arguments after "--" go to the program.
func ImageRun(ctx context.Context) error { return run(ctx, "imageRun") }

// ImageDev builds, loads and runs every image, and updates the running containers at each change of the source.
func ImageDev(ctx context.Context) error { return run(ctx, "imageDev") }

// ImagePlan prints what would be built, and where each value comes from.
func ImagePlan(ctx context.Context) error { return run(ctx, "imagePlan") }

// ImageExplain builds every image and prints why each file is in it; "-- /path" explains one file, "-- --json" prints JSON.
func ImageExplain(ctx context.Context) error { return run(ctx, "imageExplain") }

// ImageCheck builds every image and says whether it keeps the rules of its Check; "-- -reproducible" builds it twice and compares.
func ImageCheck(ctx context.Context) error { return run(ctx, "imageCheck") }

// ImageDockerfile builds every image and writes a Dockerfile and a .dockerignore that build the same image without fromscratch.
func ImageDockerfile(ctx context.Context) error { return run(ctx, "imageDockerfile") }

// ImageResolve builds and pushes the images that manifests of Kubernetes name ("-- -f FILE|FOLDER|-") and prints these with the references.
func ImageResolve(ctx context.Context) error { return run(ctx, "imageResolve") }

// ImageApply gives what imageResolve would print to "kubectl apply"; the arguments after a second "--" go to kubectl.
func ImageApply(ctx context.Context) error { return run(ctx, "imageApply") }

// ImageClean removes what the other targets wrote to dist/.
func ImageClean(ctx context.Context) error { return run(ctx, "imageClean") }
