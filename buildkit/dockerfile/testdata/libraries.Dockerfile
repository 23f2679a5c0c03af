#
# The image "sqlite", from scratch: the program, what it needs to run, and nothing else.
#
#   docker build -t sqlite .
#
# The program loads shared libraries. Their list is that of the day when this file was written, for
# linux/arm/v7 and Debian trixie; a library that is no longer there ends the build.
#
# A change of the configuration, of embedded files or of libraries wants the file written anew; an
# edited one is not overwritten:
#
#   mage imageDockerfile
#
# The cache mounts want BuildKit, the default since Docker 23. Another builder does without:
#
#   sed 's/--mount=[^ ]* //g' Dockerfile | docker build -t sqlite -f - .

# The compiler, in the version that go.mod or go.work names. Another one, or that one pinned:
# --build-arg GO_IMAGE=golang@sha256:…
ARG GO_IMAGE=golang:1.24.0-trixie


# What the compiler's image does not have. A GO_IMAGE that has it needs no network here.
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


# What is around the program.
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
