#
# The image "sqlite", from scratch: the program, what it needs to run, and nothing else.
#
#   docker build -t sqlite .
#
# The program loads shared libraries. This file lists them as of the day it was written, for
# linux/arm/v7 and Debian trixie. If a library has gone since, the build fails.
#
# Write the file again after a change of the configuration, of embedded files or of libraries. An
# edited file is not overwritten:
#
#   mage imageDockerfile
#
# The cache mounts need BuildKit, the default since Docker 23. To build without it:
#
#   sed 's/--mount=[^ ]* //g' Dockerfile | docker build -t sqlite -f - .

# The compiler, in the version of go.mod or go.work. To choose or pin another image:
# --build-arg GO_IMAGE=golang@sha256:…
ARG GO_IMAGE=golang:1.24.0-trixie


# Packages that the compiler's image lacks. With a GO_IMAGE that has them, this step needs no
# network.
#   libsqlite3-dev: 3.40.1-2, headers and libsqlite3.so.0
FROM ${GO_IMAGE} AS base
RUN test "$(dpkg --print-architecture)" = armhf \
 || { echo 'The libraries below are for linux/arm/v7. fix: docker build --platform linux/arm/v7' >&2; exit 1; }
ARG PACKAGES="libsqlite3-dev tzdata libsomething-with-a-long-name-dev \
      libother-with-a-long-name-dev"
RUN dpkg -s $PACKAGES >/dev/null 2>&1 \
 || { apt-get update \
   && apt-get install -y --no-install-recommends $PACKAGES \
   && rm -rf /var/lib/apt/lists/*; }


# The program.
FROM base AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY vendor vendor/
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 CC='clang -O2' \
    go build -trimpath -o /out/sqlite .


# Everything but the program and the files of the configuration.
FROM base AS rootfs

# The shared libraries.
# needed by /sqlite (ld.so.cache)
RUN cp --parents -t /rootfs /usr/lib/arm-linux-gnueabihf/libc.so.6


# The image.
FROM scratch
COPY --from=rootfs /rootfs/ /
COPY --from=build /out/sqlite /sqlite

USER 65534:65534
ENTRYPOINT ["/sqlite"]
