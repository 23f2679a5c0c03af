package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"
)

// registry serves one base image on this machine. It implements only pulls
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull).
type registry struct {
	listener net.Listener
	server   *http.Server
	manifest blob
	blobs    map[string]blob // by digest
}

const dockerManifestType = "application/vnd.docker.distribution.manifest.v2+json"

func serveBase() (*registry, error) {
	r := &registry{blobs: map[string]blob{}}
	if err := r.makeBase(); err != nil {
		return nil, err
	}
	var err error
	if r.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	r.server = &http.Server{Handler: r}
	go r.server.Serve(r.listener) // until Close
	return r, nil
}

func (r *registry) Close() error { return r.server.Close() }

func (r *registry) reference() string { return r.listener.Addr().String() + "/base:latest" }

// makeBase makes an image of one file.
func (r *registry) makeBase() error {
	var plain, packed bytes.Buffer
	passwd := "nobody:x:65534:65534::/:\n"
	w := tar.NewWriter(&plain)
	if err := w.WriteHeader(&tar.Header{Name: "etc/passwd", Mode: 0o644, Size: int64(len(passwd))}); err != nil {
		return err
	}
	if _, err := w.Write([]byte(passwd)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain.Bytes()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	layer := r.add(packed.Bytes())
	config := r.add(marshal(object{
		"architecture": runtime.GOARCH, "os": "linux", "config": object{},
		"rootfs": object{"type": "layers", "diff_ids": []string{newBlob(plain.Bytes()).digest}},
	}))
	r.manifest = r.add(marshal(object{
		"schemaVersion": 2, "mediaType": dockerManifestType,
		"config": descriptor("application/vnd.docker.container.image.v1+json", config, nil),
		"layers": []object{descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layer, nil)},
	}))
	return nil
}

func (r *registry) add(content []byte) blob {
	b := newBlob(content)
	r.blobs[b.digest] = b
	return b
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/v2/" {
		return
	}
	name := req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]
	b, found := r.blobs[name]
	if name == "latest" {
		b, found = r.manifest, true
	}
	if !found {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if b.digest == r.manifest.digest {
		w.Header().Set("Content-Type", dockerManifestType)
	}
	w.Header().Set("Docker-Content-Digest", b.digest)
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(b.content))
}
