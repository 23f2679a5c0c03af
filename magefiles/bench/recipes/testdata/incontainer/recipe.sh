#!/bin/sh
# Compile in a container of the golang image, into the mounted source; then copy the program.
set -e
docker run --rm -v "$PWD":/src -w /src -e CGO_ENABLED=0 "${GO_IMAGE:-golang:1.26-bookworm}" \
	go build -mod=vendor -buildvcs=false -ldflags="-s -w" -o app .
cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" ca-certificates.crt
docker build -t "$IMAGE" .
