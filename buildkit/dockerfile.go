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
// What a Dockerfile cannot do is a [*ConfigError] that names the field: a function that changes the program, files outside of the
// context, libraries of another sysroot.
func (r *Result) Dockerfile(ctx context.Context, path string) (Dockerfile, error) {
	return dockerfilespec.Of(ctx, r.Result, path)
}

// WriteDockerfiles writes Dockerfiles and their ignore files: all, or none if one of the files is there and fromscratch did not
// write it, or somebody has edited it. That is a [*ConfigError].
func WriteDockerfiles(all []Dockerfile) error { return dockerfilespec.Write(all) }

// DockerfilePlans returns the plans to describe: for several platforms of an image only the first, because the Dockerfile of a
// static program is for all of them. If the program uses cgo it is not, and a path in IMAGE_DOCKERFILE is for one image only:
// otherwise the error is a [*ConfigError].
func DockerfilePlans(path string, plans []Plan) ([]Plan, error) {
	return dockerfilespec.Plans(path, plans)
}
