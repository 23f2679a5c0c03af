#
# The image "Web", from scratch: the program, what it needs to run, and nothing else.
#
#   docker build -t web -f 'deploy/Web Dockerfile' .
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
#   sed 's/--mount=[^ ]* //g' 'deploy/Web Dockerfile' | docker build -t web -f - .
#
# note: Before of magefile.go:7 is a function of the magefile, which docker build does not run.

# The compiler, in the version of go.mod or go.work. To choose or pin another image:
# --build-arg GO_IMAGE=golang@sha256:…
ARG GO_IMAGE=golang:1.25.1-bookworm
# Builders other than BuildKit do not set BUILDPLATFORM. They use their own platform.
ARG BUILDPLATFORM=${BUILDPLATFORM:-linux}


# The program.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.work go.work.sum ./
COPY lib/go.mod lib/
COPY server/go.mod server/go.sum server/

ARG GOPROXY
ARG GOPRIVATE=example.com
# Credentials for private modules: docker build --secret id=netrc,src=$HOME/.netrc
# Only the modules that the program needs, without the tools of go.mod.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=secret,id=netrc,target=/root/.netrc cd server && go mod download \
    example.com/private \
    golang.org/x/net

COPY lib lib
COPY server server
ARG TARGETARCH
ARG TARGETVARIANT
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build --mount=type=secret,id=netrc,target=/root/.netrc \
    cd server && CGO_ENABLED=0 GOOS=linux GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -tags=a,b '-ldflags=-s -w -X main.price=$5' -o /out/Web ./cmd/web


# Everything but the program and the files of the configuration.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS rootfs
COPY certs/company.pem /certificates/0.pem

# Folders.
RUN mkdir -p /rootfs/etc \
    # for all users
 && install -d -m 1777 /rootfs/tmp


# The files of the configuration, with owners and modes that do not depend on the checkout.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS files
COPY site/ /rootfs/srv/www/
COPY ["a file.conf", "/rootfs/etc/\\$app.conf"]
RUN chmod -R u=rwX,go=rX /rootfs/srv/www


# The image.
FROM scratch
COPY --from=rootfs /rootfs/ /
COPY --from=files /rootfs/ /
COPY --from=build /out/Web /Web

ENV HOME=/data
ENV GREETING="it's \"5 \$\""
LABEL a="one two"
LABEL b=2
EXPOSE 8080 53/udp
VOLUME ["/data", "/cache"]
WORKDIR /data
USER 65534:65534
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --start-period=1m0s --retries=2 CMD ["/Web", "-health"]
ENTRYPOINT ["/Web", "-title=<a & \"b\">"]
CMD ["-v"]
