package recipe

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// goImageFile makes a company's golang image from a plain one. It adds the company's certificate, an apk that reports
// everything as installed, and the compiled standard library, which a builder with a cache has after its first build of
// the day.
const goImageFile = `FROM %s
COPY apk /sbin/apk
COPY bundle.crt /etc/ssl/certs/ca-certificates.crt
COPY warm /warm
RUN cd /warm && CGO_ENABLED=0 go build -o /dev/null . && CGO_ENABLED=1 go build -o /dev/null .
`

const (
	goImageApk  = "#!/bin/sh\nexit 0\n"
	goImageMain = `package main

import (
	_ "database/sql"
	_ "net/http"
	_ "os/user"
)

func main() {}
`
)

// goImage returns the name of the workshop's golang image. Images made from it inherit its label.
func (w *Workshop) goImage() string { return w.Prefix + "golang:latest" }

func (w *Workshop) isGoImage(ref string) bool { return ref == w.goImage() }

// makeGoImage gives the company's golang image the workshop's name.
func (w *Workshop) makeGoImage(ctx context.Context) error {
	if w.golang {
		return nil
	}
	company, err := w.company(ctx)
	if err != nil {
		return fmt.Errorf("making a golang image of %q: %w", w.GoImage, err)
	}
	dir := filepath.Join(w.dir, "named")
	if err := writeFile(filepath.Join(dir, "Dockerfile"), "FROM "+company+"\n"); err != nil {
		return err
	}
	_, err = w.run(ctx, dir, []string{"DOCKER_BUILDKIT=0"}, "docker", "build", "--label", label+"="+w.Prefix, "-t", w.goImage(), ".")
	w.golang = err == nil
	return err
}

// company returns the company's golang image. It is made once and kept until the image that it was made from is removed.
func (w *Workshop) company(ctx context.Context) (string, error) {
	bundle, err := os.ReadFile(w.bundle)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(w.GoImage + goImageFile + goImageApk + goImageMain + string(bundle)))
	repo, _, _ := strings.Cut(w.GoImage, ":")
	ref := fmt.Sprintf("%s:recipes-%x", repo, sum[:6])
	if _, err := w.docker(ctx, "image", "inspect", ref); err == nil {
		return ref, nil
	}
	dir := filepath.Join(w.dir, "company")
	err = errors.Join(
		writeFile(filepath.Join(dir, "Dockerfile"), fmt.Sprintf(goImageFile, w.GoImage)),
		writeFile(filepath.Join(dir, "apk"), goImageApk),
		os.Chmod(filepath.Join(dir, "apk"), 0o755),
		writeFile(filepath.Join(dir, "bundle.crt"), string(bundle)),
		writeFile(filepath.Join(dir, "warm", "main.go"), goImageMain),
		writeFile(filepath.Join(dir, "warm", "go.mod"), "module example.com/warm\n"),
	)
	if err != nil {
		return "", err
	}
	_, err = w.run(ctx, dir, []string{"DOCKER_BUILDKIT=0"}, "docker", "build", "--force-rm", "-t", ref, ".")
	return ref, err
}
