package buildertest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const olderRelease = "bullseye"

var olderPackages = []string{"base-files", "bash", "dash", "coreutils", "libc-bin", "netbase", "gcc", "libc6-dev", "libsqlite3-dev", "pkg-config"}

// olderEdition must be incremented when the folder of the packages is made differently.
const olderEdition = "2"

// olderRoot returns a folder with the packages of the older release, unpacked and not configured. The first caller makes
// it, while it holds the lock of the images.
func olderRoot() (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(olderRelease, runtime.GOARCH, olderPackages, olderEdition)))
	dir = filepath.Join(cache, "fromscratch-test", fmt.Sprintf("builder-%s-%x", olderRelease, sum[:4]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "making")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	debs, err := download(filepath.Join(work, "apt"))
	if err != nil {
		return "", err
	}
	for _, deb := range debs {
		if out, err := exec.Command("dpkg-deb", "-x", deb, filepath.Join(work, "root")).CombinedOutput(); err != nil {
			return "", fmt.Errorf("unpacking %q: %w: %s", deb, err, out)
		}
	}
	if err := register(debs, filepath.Join(work, "root")); err != nil {
		return "", err
	}
	return dir, os.Rename(filepath.Join(work, "root"), dir)
}

// register writes dpkg's entries for the packages as if it had installed them: their paragraphs and lists of files.
func register(debs []string, root string) error {
	info := filepath.Join(root, "var/lib/dpkg/info")
	if err := os.MkdirAll(info, 0o755); err != nil {
		return err
	}
	var status strings.Builder
	for _, deb := range debs {
		about, err := exec.Command("dpkg-deb", "--field", deb).Output()
		if err != nil {
			return fmt.Errorf("reading %q: %w", deb, err)
		}
		fmt.Fprintf(&status, "%s\nStatus: install ok installed\n\n", strings.TrimSpace(string(about)))
		list, err := exec.Command("sh", "-c", `dpkg-deb --fsys-tarfile "$0" | tar -t | sed 's,^\.,,; s,/$,,; s,^$,/.,'`, deb).Output()
		if err != nil {
			return fmt.Errorf("listing the files of %q: %w", deb, err)
		}
		name, _, _ := strings.Cut(filepath.Base(deb), "_")
		if strings.Contains(string(about), "\nMulti-Arch: same\n") {
			name += ":" + runtime.GOARCH
		}
		if err := os.WriteFile(filepath.Join(info, name+".list"), list, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), []byte(status.String()), 0o644)
}

// download downloads the packages and their dependencies with apt. It returns the files, base-files first.
func download(dir string) ([]string, error) {
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	where, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian").Output()
	mirror, _, _ := strings.Cut(string(where), "\n")
	if err != nil || mirror == "" {
		return nil, errors.New("apt-get knows no Debian mirror")
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "status"), nil, 0o644),
		os.WriteFile(filepath.Join(dir, "list"), []byte("deb "+mirror+" "+olderRelease+" main\n"), 0o644))
	if err != nil {
		return nil, err
	}
	arch := runtime.GOARCH
	options := []string{
		"-o", "Dir::State=" + dir + "/state", "-o", "Dir::State::status=" + dir + "/status", "-o", "Dir::Cache=" + dir + "/cache",
		"-o", "Dir::Etc::sourcelist=" + dir + "/list", "-o", "Dir::Etc::sourceparts=-",
		"-o", "APT::Architecture=" + arch, "-o", "APT::Architectures=" + arch, "-o", "APT::Sandbox::User=root",
		"-o", "Acquire::Retries=3", "-y", "--no-install-recommends",
	}
	for _, args := range [][]string{{"update", "--error-on=any"}, append([]string{"--download-only", "install"}, olderPackages...)} {
		if out, err := exec.Command("apt-get", append(slices.Clone(options), args...)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("fetching packages of %s: %w: %s", olderRelease, err, out)
		}
	}
	debs, err := filepath.Glob(filepath.Join(dir, "cache/archives/*.deb"))
	slices.SortStableFunc(debs, func(a, b string) int { return first(a) - first(b) })
	return debs, err
}

// first returns 0 for base-files, which must come first because it has the links of a merged /usr, and 1 for others.
func first(deb string) int {
	if strings.HasPrefix(filepath.Base(deb), "base-files_") {
		return 0
	}
	return 1
}
