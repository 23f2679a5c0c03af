#
# The image "app", from scratch: the program, what it needs to run, and nothing else.
#
#   docker build -t app .
#
# The program is static, so any --platform can be built on any machine, without emulation.
#
# Write the file again after a change of the configuration, of embedded files or of libraries. An
# edited file is not overwritten:
#
#   mage imageDockerfile
#
# The cache mounts need BuildKit, the default since Docker 23. To build without it:
#
#   sed 's/--mount=[^ ]* //g' Dockerfile | docker build -t app -f - .

# The compiler, in the version of go.mod or go.work. To choose or pin another image:
# --build-arg GO_IMAGE=golang@sha256:…
ARG GO_IMAGE=golang:1.24-bookworm
# Builders other than BuildKit do not set BUILDPLATFORM. They use their own platform.
ARG BUILDPLATFORM=${BUILDPLATFORM:-linux}


# The program, which was built before.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
COPY target/release/app /out/usr/bin/app
RUN chmod 0755 /out/usr/bin/app
RUN setcap cap_net_raw=ep /out/usr/bin/app


# Everything but the program and the files of the configuration.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS rootfs


# The image.
FROM scratch
COPY --from=rootfs /rootfs/ /
COPY --from=build /out/usr/bin/ /usr/bin/

ENTRYPOINT ["/usr/bin/app"]
