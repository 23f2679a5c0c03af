#!/bin/sh
# The oldest one: compile on the host, copy the program and the host's certificates.
set -e
CGO_ENABLED=0 go build -ldflags="-s -w" -o app .
cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" ca-certificates.crt
docker build -t "$IMAGE" .
