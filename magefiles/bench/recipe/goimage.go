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

// goImageFile makes a company's golang image of a plain one: with its certificate,
// an apk that finds installed what a recipe asks for, and the standard
// library compiled, as it is after the first build of the day where a builder keeps
// a cache.
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

// goImage is the golang image of this workshop. What is made of it has its label.
func (w *Workshop) goImage() string { return w.Prefix + "golang:latest" }

func (w *Workshop) isGoImage(ref string) bool { return ref == w.goImage() }

// makeGoImage names the company's golang image for this workshop.
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

// company gives the company's golang image, which is made once and kept: it goes
// with the image that it is made of.
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
