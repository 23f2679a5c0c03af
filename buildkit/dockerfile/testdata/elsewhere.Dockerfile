#
# The image "app", from scratch: the program, what it needs to run, and nothing else.
#
#   docker build -t app .
#
# The program is static, so any --platform can be built on any machine, without emulation.
#
# A change of the configuration, of embedded files or of libraries wants the file written anew; an
# edited one is not overwritten:
#
#   mage imageDockerfile
#
# The cache mounts want BuildKit, the default since Docker 23. Another builder does without:
#
#   sed 's/--mount=[^ ]* //g' Dockerfile | docker build -t app -f - .

# The compiler, in the version that go.mod or go.work names. Another one, or that one pinned:
# --build-arg GO_IMAGE=golang@sha256:…
ARG GO_IMAGE=golang:1.24-bookworm
# Builders other than BuildKit do not say what they run on; for them it is their own platform.
ARG BUILDPLATFORM=${BUILDPLATFORM:-linux}


# The program, which is built elsewhere.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
COPY target/release/app /out/app
RUN chmod 0755 /out/app


# What is around the program.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS rootfs


# The image.
FROM scratch
COPY --from=rootfs /rootfs/ /
COPY --from=build /out/app /app

ENTRYPOINT ["/app"]
