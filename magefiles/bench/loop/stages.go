package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// stagesFile compiles in a builder image. The image has no shell, so RUN is in exec form. It contains the modules, which
// a real recipe downloads in an earlier, cached layer.
const stagesFile = `FROM %[1]s AS build
ENV HOME=/tmp GOROOT=/usr/local/go GOCACHE=/gocache GOMODCACHE=/modules GOPROXY=off GOSUMDB=off GOTOOLCHAIN=local CGO_ENABLED=0
WORKDIR /src
COPY . .
RUN --mount=type=cache,id=%[2]s,target=/gocache ["/usr/local/go/bin/go", "build", %[3]s, "-o", "/out/%[4]s", "."]
FROM scratch
COPY --from=build /out/%[4]s /%[4]s
ENTRYPOINT ["/%[4]s"]
`

// writeStages writes a two-stage Dockerfile and makes the image for the first stage.
func (s *site) writeStages(ctx context.Context) error {
	if s.program.cgo {
		return left("a builder image with a C compiler and the libraries' headers would have to be pulled")
	}
	if err := s.findBuildx(ctx); err != nil {
		return err
	}
	builder := prefix + s.program.name + "-builder:latest"
	if err := s.importBuilder(ctx, builder); err != nil {
		return err
	}
	var flags []string
	for _, flag := range buildFlags {
		flags = append(flags, fmt.Sprintf("%q", flag))
	}
	return writeFile(filepath.Join(s.dir, "Dockerfile"),
		fmt.Sprintf(stagesFile, builder, prefix+s.program.name, strings.Join(flags, ", "), s.program.name))
}

func (s *site) stages(ctx context.Context) error {
	return s.dockerBuild(ctx, s.dir, "DOCKER_BUILDKIT=1")
}
