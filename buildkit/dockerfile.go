package buildkit

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfilespec"
)

// Dockerfile is an image as a Dockerfile, with its ignore file.
type Dockerfile = dockerfilespec.Dockerfile

// Dockerfile describes the image by a Dockerfile that builds it without fromscratch. It goes to its context folder, that of the
// module or the workspace: as Dockerfile, or as NAME.Dockerfile if there are several images. path, if set, is another place,
// relative to the folder where the build was started.
//
// If a Dockerfile cannot build the image, the error is a [*ConfigError] that names the field of the Config: a function that changes
// the program, files outside of the context, libraries of another sysroot.
func (r *Result) Dockerfile(ctx context.Context, path string) (Dockerfile, error) {
	return dockerfilespec.Of(ctx, r.Result, path)
}

// WriteDockerfiles writes Dockerfiles and their ignore files. If one of the files exists and fromscratch did not write it, or somebody
// has edited it since, it writes none and fails with a [*ConfigError].
func WriteDockerfiles(all []Dockerfile) error { return dockerfilespec.Write(all) }

// DockerfilePlans returns the plans to describe. Of an image for several platforms that is the first plan, because the Dockerfile of a
// static program is for all platforms. It fails with a [*ConfigError] if such a program uses cgo, or if path, the value of
// IMAGE_DOCKERFILE, is set and there are several images.
func DockerfilePlans(path string, plans []Plan) ([]Plan, error) {
	return dockerfilespec.Plans(path, plans)
}
