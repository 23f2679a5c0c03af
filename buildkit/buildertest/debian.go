package buildertest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// wantedPackages are the packages of a builder image. Their dependencies are added.
var wantedPackages = []string{
	"dpkg", "findutils", "libcap2-bin", "media-types", "tzdata", // what the Dockerfile of imageDockerfile needs
	"base-files", "bash", "dash", "coreutils", "sed", "grep", "tar", "libc-bin", "netbase", "ca-certificates",
	"gcc", "libc6-dev", "binutils", "libsqlite3-dev", "pkg-config", "git", "openssh-client",
}

// debian is a list of packages that are installed on this machine.
type debian []debianPackage

type debianPackage struct{ name, version string } // name as in dpkg: "libc6:amd64"

func (d debian) versions() string { return fmt.Sprint(d) }

// installed returns the wanted packages and their installed dependencies.
func installed() (debian, error) {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status}\t${binary:Package}\t${Version}\t${Provides}\t${Pre-Depends}, ${Depends}\n").Output()
	if err != nil {
		return nil, errors.New("dpkg-query lists no packages")
	}
	packages, depends := map[string]debianPackage{}, map[string][]string{}
	for _, line := range strings.Split(string(out), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 5 || f[0] != "installed" {
			continue
		}
		bare, arch, _ := strings.Cut(f[1], ":")
		if arch != "" && arch != "amd64" && arch != "arm64" {
			continue
		}
		p := debianPackage{f[1], f[2]}
		packages[bare], depends[f[1]] = p, alternatives(f[4])
		for _, provided := range alternatives(f[3]) {
			if _, real := packages[provided]; !real {
				packages[provided] = p
			}
		}
	}
	found := map[debianPackage]bool{}
	todo := slices.Clone(wantedPackages)
	for len(todo) > 0 {
		p, ok := packages[todo[0]]
		if !ok && slices.Contains(wantedPackages, todo[0]) {
			return nil, errors.New("the package " + todo[0] + " is not installed")
		}
		if todo = todo[1:]; !ok || found[p] {
			continue
		}
		found[p], todo = true, append(todo, depends[p.name]...)
	}
	var all debian
	for p := range found {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b debianPackage) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// alternatives returns the names in a list of dependencies, deb-control(5). All that are installed are used.
func alternatives(list string) []string {
	var names []string
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '|' }) {
		name, _, _ := strings.Cut(strings.TrimSpace(word), " ")
		if name, _, _ = strings.Cut(name, ":"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// add adds the packages' files, the links of a merged /usr, the links that update-alternatives created for their
// commands, and their entries in the package database.
func (d debian) add(a *archive) error {
	for _, link := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		if target, err := os.Readlink(link); err == nil {
			if err := a.addLink(link, target); err != nil {
				return err
			}
		}
	}
	args := []string{"-L"}
	for _, p := range d {
		args = append(args, p.name)
	}
	out, err := exec.Command("dpkg-query", args...).Output()
	if err != nil {
		return fmt.Errorf("listing the files of packages: %w", err)
	}
	for _, name := range strings.Split(string(out), "\n") {
		if err := d.addFile(a, name); err != nil {
			return err
		}
	}
	return d.addDatabase(a)
}

// addFile adds a file at its real place: a list has /lib where /lib is a link. Files that were removed are left out.
func (d debian) addFile(a *archive, name string) error {
	if !path.IsAbs(name) || name == "/." || !wanted(name) {
		return nil
	}
	dir, err := filepath.EvalSymlinks(path.Dir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	name = path.Join(dir, path.Base(name))
	if err := a.addAs(name, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// addDatabase adds dpkg's entries for these packages only.
func (d debian) addDatabase(a *archive) error {
	status, err := os.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		return err
	}
	var kept []string
	for _, paragraph := range strings.Split(string(status), "\n\n") {
		first, _, _ := strings.Cut(paragraph, "\n")
		name := strings.TrimPrefix(first, "Package: ")
		if slices.ContainsFunc(d, func(p debianPackage) bool { bare, _, _ := strings.Cut(p.name, ":"); return bare == name }) {
			kept = append(kept, paragraph)
		}
	}
	if err := a.addText("/var/lib/dpkg/status", strings.Join(kept, "\n\n")+"\n"); err != nil {
		return err
	}
	for _, p := range d {
		for _, suffix := range []string{".list", ".md5sums"} {
			file := "/var/lib/dpkg/info/" + p.name + suffix
			if err := a.addAs(file, file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
