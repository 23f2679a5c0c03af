package packagedb

import (
	"errors"
	"io/fs"

	"github.com/fromscratch-go/fromscratch/rootfs"
)

// The file that names a distribution, and where its content is, see os-release(5): distributions have a link to the other place.
const (
	osRelease     = "/etc/os-release"
	osReleaseFile = "/usr/lib/os-release"
)

// versionFiles are further files by which scanners tell a distribution: Trivy knows Debian by the first and Ubuntu by the second, and
// reads os-release for others.
var versionFiles = []string{"/etc/debian_version", "/etc/lsb-release"}

// maxDistro limits a file that names a distribution, in bytes. They have a few hundred.
const maxDistro = 16 << 10

// DistroReason says why these files are in the image.
const DistroReason = "names the distribution of the packages, for scanners"

// addDistro adds the files that name the distribution of the sysroot, unless the image has a name already. That of the user or of the base
// wins.
func (a *adding) addDistro() {
	for _, name := range []string{osRelease, osReleaseFile} {
		if _, there := a.at(name); there {
			return
		}
	}
	for _, name := range []string{osRelease, osReleaseFile} {
		if a.addText(name, osReleaseFile) {
			a.put(rootfs.Entry{Path: osRelease, Mode: fs.ModeSymlink, Link: ".." + osReleaseFile, Reason: DistroReason, For: osReleaseFile})
			break
		}
	}
	for _, name := range versionFiles {
		if _, there := a.at(name); !there {
			a.addText(name, name)
		}
	}
}

// addText adds a small file of the sysroot at a path. It reports whether the sysroot has it.
func (a *adding) addText(name, to string) bool {
	content, real, err := a.owners.Text(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil && len(content) > maxDistro {
		err = errors.New("it is too large")
	}
	if err != nil {
		a.note("scanners of the image may not know the distribution: %s: %v\nfix: repair that file, or set Packages to \"none\"", name, err)
		return false
	}
	source := rootfs.Bytes(content)
	if real == to {
		source = rootfs.SysrootFile(a.sys, real)
	}
	a.put(rootfs.Entry{Path: to, Mode: 0o644, Reason: DistroReason, Source: source})
	return true
}
