// Package buildertest makes builder images for the tests of this module, on machines without access to a registry. An image has what a
// "golang:…-bookworm" has, made from Debian packages and the Go that runs the tests.
//
//	image := buildertest.Image(t) // the packages of this machine
//	image = buildertest.Older(t)  // those of Debian 11, whose glibc is 2.31
//
// An image is made once. Every package and every run finds it again by its name, until [Remove], which the mage target
// TestClean of this repository calls.
//
// Root's build cache has the parts of the standard library that test programs need, because a Dockerfile without cache
// mounts would compile them each time. As in the golang images, Go is in /usr/local/go, GOPATH is /go, GOTOOLCHAIN is
// local, and the user is root.
package buildertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

const (
	repository = "fromscratch-test-builder"
	// Label is the label of all images of this package.
	Label = "fromscratch-test=builder"
	// edition must be incremented when this package makes images differently.
	edition = "3"
)

// Image returns the name of a builder image with the Go, the compiler and the libraries of this machine, which must be a
// Debian: gcc, libc6-dev, libsqlite3-dev, pkg-config, git, ssh, a shell and certificates.
func Image(t testing.TB) string {
	t.Helper()
	name, err := Make()
	return orSkip(t, name, err)
}

// Make is Image for programs other than tests.
func Make() (name string, err error) {
	for _, c := range []string{"docker", "dpkg-query"} {
		if _, err := exec.LookPath(c); err != nil {
			return "", fmt.Errorf("the command %s is missing", c)
		}
	}
	packages, err := installed()
	if err != nil {
		return "", err
	}
	return made("host", packages.versions(), func(a *archive) error {
		return packages.add(a)
	})
}

// Older returns the name of a builder image with the Go of this machine and the compiler and libraries of Debian 11.
// They are downloaded from this machine's package mirror. The unpacked packages are kept in the user's cache.
func Older(t testing.TB) string {
	t.Helper()
	testkit.Need(t, "docker", "apt-get", "dpkg-deb")
	name, err := made("older", fmt.Sprint(olderRelease, olderPackages, olderEdition), func(a *archive) error {
		root, err := olderRoot()
		if err != nil {
			return err
		}
		return a.addTree(root, "/")
	})
	return orSkip(t, name, err)
}

// Remove removes the images of this package from the engine, and the volumes that builders have made for them.
func Remove() error {
	out, err := exec.Command("docker", "image", "ls", "--quiet", "--no-trunc", "--filter", "label="+Label).Output()
	if err != nil {
		return fmt.Errorf("listing the builder images of tests: %w", err)
	}
	ids := strings.Fields(string(out))
	slices.Sort(ids)
	ids = slices.Compact(ids) // an image with two names is listed twice
	for _, id := range ids {
		// With --force, a missing volume is not an error.
		if out, err := exec.Command("docker", append([]string{"volume", "rm", "--force"}, Volumes(id)...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("removing the volumes of the builder image %s of tests: %w: %s", id, err, out)
		}
	}
	for _, id := range ids {
		if out, err := exec.Command("docker", "image", "rm", "--force", id).CombinedOutput(); err != nil {
			return fmt.Errorf("removing the builder image %s of tests: %w: %s", id, err, out)
		}
	}
	return nil
}

// Volumes returns the names of the volumes that a builder (buildkit.Builders without a Prefix) makes for an image, by
// the image's full ID. A test in package buildkit compares them with a builder's volumes.
func Volumes(id string) []string {
	id = strings.TrimPrefix(id, "sha256:")
	return []string{"fromscratch-gocache-" + id, "fromscratch-gomodcache-" + id}
}

// made returns the image of a kind and of versions. The first caller makes it while others wait.
func made(kind, versions string, fill func(*archive) error) (name string, err error) {
	sum := sha256.Sum256([]byte(edition + kind + versions + runtime.Version()))
	name = fmt.Sprintf("%s:%s-%x", repository, kind, sum[:6])
	l, err := filelock.Acquire(context.Background(), filepath.Join(os.TempDir(), repository+".lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	if exec.Command("docker", "image", "inspect", name).Run() == nil {
		return name, nil
	}
	if exec.Command("docker", "version").Run() != nil {
		return "", errors.New("no Docker Engine")
	}
	if err := load(name, fill); err != nil {
		return "", fmt.Errorf("the builder image %q cannot be made: %w", name, err)
	}
	return name, nil
}

// load imports an archive as an image: one layer, without a registry or a base image. The image gets its name when it is whole: if this
// process is killed, the engine takes what came so far for an archive.
func load(name string, fill func(*archive) error) error {
	cmd := exec.Command("docker", "import",
		"--change", "LABEL "+Label,
		"--change", "ENV GOPATH=/go",
		"--change", "ENV GOTOOLCHAIN=local",
		"--change", "ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"--change", "WORKDIR /go",
		"--change", `CMD ["bash"]`,
		"-")
	var id, said bytes.Buffer
	cmd.Stderr, cmd.Stdout = &said, &id
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	filled := write(stdin, fill)
	if filled != nil {
		_ = cmd.Process.Kill() // it must not import half of an archive
	}
	err = cmd.Wait()
	if filled != nil {
		return filled
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	if out, err := exec.Command("docker", "tag", strings.TrimSpace(id.String()), name).CombinedOutput(); err != nil {
		return fmt.Errorf("naming it: %w: %s", err, out)
	}
	return nil
}

// write writes the archive: Go, what every image has, and the packages.
func write(w io.WriteCloser, fill func(*archive) error) error {
	a := newArchive(w)
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("asking for GOROOT: %w", err)
	}
	if err := fill(a); err != nil {
		return err
	}
	if err := a.addTree(strings.TrimSpace(string(goroot)), "/usr/local/go"); err != nil {
		return err
	}
	if err := a.addBasics(); err != nil {
		return err
	}
	if err := a.addBuildCache(); err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	return w.Close()
}

func orSkip(t testing.TB, name string, err error) string {
	t.Helper()
	if err != nil {
		testkit.Skip(t, err.Error())
	}
	return name
}
