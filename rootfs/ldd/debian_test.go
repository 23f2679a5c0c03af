//go:build linux && amd64

package ldd

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// debianRoot is a root file system of a Debian release, made of packages that are unpacked but not configured.
// It is cached in the user's cache folder.
type debianRoot struct {
	release, arch string
	packages      []string
}

// root returns the folder of the root.
func (d debianRoot) root(t *testing.T) string {
	t.Helper()
	need(t, "apt-get", "dpkg-deb")
	cache, err := os.UserCacheDir()
	if err != nil {
		skip(t, err.Error())
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(d)))
	dir := filepath.Join(cache, "fromscratch-test", fmt.Sprintf("ldd-%s-%s-%x", d.release, d.arch, sum[:4]))
	if exists(dir) {
		return dir
	}
	work, err := os.MkdirTemp(filepath.Dir(mustDir(t, dir)), "making")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(work)
	for _, deb := range d.download(t, filepath.Join(work, "apt")) {
		run(t, work, "dpkg-deb", "-x", deb, filepath.Join(work, "root"))
	}
	// The first process puts it there; the others have made the same.
	if err := os.Rename(filepath.Join(work, "root"), dir); err != nil && !exists(dir) {
		t.Fatal(err)
	}
	return dir
}

// mustDir makes the parent folder of a name.
func mustDir(t *testing.T, name string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// download fetches the packages and their dependencies with apt, from this machine's mirror. It returns the
// files, base-files first, because it has the links of a merged /usr.
func (d debianRoot) download(t *testing.T, dir string) []string {
	t.Helper()
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial"} {
		mustDir(t, filepath.Join(dir, sub, "x"))
	}
	write(t, filepath.Join(dir, "status"), nil)
	where, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian").Output()
	mirror, _, _ := strings.Cut(string(where), "\n")
	if err != nil || mirror == "" {
		skip(t, "apt-get knows no Debian mirror")
	}
	write(t, filepath.Join(dir, "list"), []byte(fmt.Sprintf("deb %s %s main\n", mirror, d.release)))
	options := []string{
		"-o", "Dir::State=" + dir + "/state", "-o", "Dir::State::status=" + dir + "/status", "-o", "Dir::Cache=" + dir + "/cache",
		"-o", "Dir::Etc::sourcelist=" + dir + "/list", "-o", "Dir::Etc::sourceparts=-",
		"-o", "APT::Architecture=" + d.arch, "-o", "APT::Architectures=" + d.arch, "-o", "APT::Sandbox::User=root",
		"-o", "Acquire::Retries=3", "-y", "--no-install-recommends",
	}
	if out, err := exec.Command("apt-get", append(options, "update", "--error-on=any")...).CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("packages of %s for %s cannot be had: %s", d.release, d.arch, out))
	}
	run(t, dir, "apt-get", append(append(options, "--download-only", "install", "base-files"), d.packages...)...)
	debs, err := filepath.Glob(filepath.Join(dir, "cache/archives/*.deb"))
	if err != nil || len(debs) == 0 {
		t.Fatalf("no packages: %v", err)
	}
	slices.SortStableFunc(debs, func(a, b string) int {
		first := func(name string) int {
			if strings.HasPrefix(filepath.Base(name), "base-files_") {
				return 0
			}
			return 1
		}
		return first(a) - first(b)
	})
	return debs
}

// copyTree copies a folder, with hard links if possible, so that a test may add files.
func copyTree(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(name)
			return errors.Join(err, os.Symlink(link, target))
		case !d.Type().IsRegular():
			return nil
		}
		if os.Link(name, target) == nil {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		return errors.Join(err, os.WriteFile(target, data, info.Mode().Perm()))
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}
