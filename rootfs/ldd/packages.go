package ldd

import (
	"fmt"
	"path"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// distro is the distribution of a sysroot, which decides how packages are installed.
type distro int

const (
	debian distro = iota // also the default
	alpine
	fedora
	arch
)

// maxOSRelease limits the size of os-release, which has about a dozen lines.
const maxOSRelease = 1 << 16

// readDistro reads the distribution from ID and ID_LIKE, see os-release(5).
func readDistro(sys *walker) distro {
	data, err := sys.read("/etc/os-release", maxOSRelease)
	if err != nil {
		data, _ = sys.read("/usr/lib/os-release", maxOSRelease)
	}
	for _, line := range strings.Split(string(data), "\n") {
		// A derived distribution has its own ID and names in ID_LIKE the one whose packages it uses.
		key, value, _ := strings.Cut(line, "=")
		if key != "ID" && key != "ID_LIKE" {
			continue
		}
		for _, id := range strings.Fields(strings.Trim(value, `"'`)) {
			switch id {
			case "debian", "ubuntu":
				return debian
			case "alpine":
				return alpine
			case "fedora", "rhel", "centos":
				return fedora
			case "arch":
				return arch
			}
		}
	}
	return debian
}

// packages are the Debian packages of libraries that Go programs often bind to. It lists development packages:
// they depend on the library, and their names are stable. The names of library packages change with each soname
// and with transitions such as time_t's (libvips42t64).
var packages = map[string]string{
	"libImlib2":           "libimlib2-dev",
	"libMagickCore-6.Q16": "libmagickwand-dev",
	"libMagickWand-6.Q16": "libmagickwand-dev",
	"libX11":              "libx11-dev",
	"libGL":               "libgl1-mesa-dev",
	"libarchive":          "libarchive-dev",
	"libasound":           "libasound2-dev",
	"libavcodec":          "libavcodec-dev",
	"libavformat":         "libavformat-dev",
	"libavutil":           "libavutil-dev",
	"libbtrfs":            "libbtrfs-dev",
	"libbz2":              "libbz2-dev",
	"libcairo":            "libcairo2-dev",
	"libcrypto":           "libssl-dev",
	"libcurl":             "libcurl4-openssl-dev",
	"libdevmapper":        "libdevmapper-dev",
	"libfreetype":         "libfreetype-dev",
	"libgcc_s":            "libgcc-s1",
	"libgdal":             "libgdal-dev",
	"libgeos_c":           "libgeos-dev",
	"libgit2":             "libgit2-dev",
	"libglib-2.0":         "libglib2.0-dev",
	"libgmp":              "libgmp-dev",
	"libgpgme":            "libgpgme-dev",
	"libgssapi_krb5":      "libkrb5-dev",
	"libheif":             "libheif-dev",
	"libicuuc":            "libicu-dev",
	"libjpeg":             "libjpeg-dev",
	"libldap":             "libldap-dev",
	"liblua5.4":           "liblua5.4-dev",
	"liblz4":              "liblz4-dev",
	"liblzma":             "liblzma-dev",
	"libmagic":            "libmagic-dev",
	"libmariadb":          "libmariadb-dev",
	"libodbc":             "unixodbc-dev",
	"libonig":             "libonig-dev",
	"libopus":             "libopus-dev",
	"libpam":              "libpam0g-dev",
	"libpcap":             "libpcap-dev",
	"libpcre2-8":          "libpcre2-dev",
	"libpng16":            "libpng-dev",
	"libpq":               "libpq-dev",
	"libproj":             "libproj-dev",
	"libpython3":          "libpython3-dev",
	"librados":            "librados-dev",
	"librbd":              "librbd-dev",
	"librdkafka":          "librdkafka-dev",
	"librocksdb":          "librocksdb-dev",
	"libsasl2":            "libsasl2-dev",
	"libSDL2-2.0":         "libsdl2-dev",
	"libseccomp":          "libseccomp-dev",
	"libsnappy":           "libsnappy-dev",
	"libsodium":           "libsodium-dev",
	"libsqlite3":          "libsqlite3-dev",
	"libssh2":             "libssh2-1-dev",
	"libssl":              "libssl-dev",
	"libstdc++":           "libstdc++6",
	"libsystemd":          "libsystemd-dev",
	"libtesseract":        "libtesseract-dev",
	"libtiff":             "libtiff-dev",
	"libudev":             "libudev-dev",
	"libusb-1.0":          "libusb-1.0-0-dev",
	"libuuid":             "uuid-dev",
	"libvips":             "libvips-dev",
	"libvirt":             "libvirt-dev",
	"libwebp":             "libwebp-dev",
	"libxml2":             "libxml2-dev",
	"libxslt":             "libxslt1-dev",
	"libyaml-0":           "libyaml-dev",
	"libz":                "zlib1g-dev",
	"libzmq":              "libzmq3-dev",
	"libzstd":             "libzstd-dev",
}

// packageOf returns the Debian package for a soname. It looks up the name up to ".so".
func packageOf(soname string) string {
	stem, _, _ := strings.Cut(soname[strings.LastIndexByte(soname, '/')+1:], ".so")
	return packages[stem]
}

// notFound returns the error for a missing library.
func (r *process) notFound(name, by string, searched searchLog) *NotFoundError {
	e := &NotFoundError{
		Soname: name, NeededBy: by, Package: packageOf(name),
		Searched: searched.places(),
	}
	_ = r.searches.take(len(e.Searched)) // the next search returns the error
	e.Fix = e.advice(r)
	return e
}

// advice returns how to get the library.
func (e *NotFoundError) advice(r *process) string {
	if strings.Contains(e.Soname, "/") {
		return fmt.Sprintf("link %q with a soname instead of a path, or put the library there", e.NeededBy)
	}
	if dir := r.findIgnored(e.Soname); dir != "" {
		return fmt.Sprintf("%s is in %s, but for a program with capabilities or a set-ID bit the loader ignores LD_LIBRARY_PATH and $ORIGIN: link it with an absolute path that the image has too, -Wl,-rpath,/usr/local/lib", e.Soname, dir)
	}
	if dir := r.findElsewhere(e.Soname); dir != "" {
		return r.byPath(e, dir)
	}
	if dir := r.findBelow(e.Soname); dir != "" {
		return r.byPath(e, dir)
	}
	switch {
	case r.closure.Flavour == Musl || r.distro == alpine: // apk and dnf find packages by soname
		return "apk add " + plaintext.Shell("so:"+e.Soname)
	case r.distro == fedora:
		return "dnf install " + plaintext.Shell("*/"+e.Soname)
	case r.distro == arch:
		return "install the package that this command prints: pacman -F " + plaintext.Shell(e.Soname)
	case e.Package != "":
		return "apt-get install " + e.Package
	}
	return "install the package that this command prints: apt-file search " + plaintext.Shell(e.Soname)
}

// byPath returns how to get a library that lies where the loader does not look.
func (r *process) byPath(e *NotFoundError, dir string) string {
	if r.opening == e.Soname {
		return fmt.Sprintf("%s is in %s, where the loader does not look: name it by its path, %s", e.Soname, dir, plaintext.Shell(dir+"/"+e.Soname))
	}
	return fmt.Sprintf("%s is in %s, where the loader does not look: run ldconfig, or link with %s", e.Soname, dir, plaintext.Shell("-Wl,-rpath,"+dir))
}

// maxBelow limits how many subfolders of library folders are looked at.
const maxBelow = 500

// findBelow returns the folder right below a folder of libraries that has a library: there programs keep what they open by its path, such
// as drivers. It returns "" if there is none.
func (r *process) findBelow(soname string) string {
	if r.closure.tries[r.opening] {
		return "" // nobody reads how to fix it
	}
	dirs := []string{"/usr/lib", "/usr/lib64", "/lib"}
	if r.loader != nil {
		own := path.Dir(r.loader.Real)
		dirs = append([]string{own, "/usr/lib/" + path.Base(own)}, dirs...)
	}
	left := maxBelow
	for _, dir := range compact(dirs) {
		at, err := r.sys.walk(dir)
		if err != nil {
			continue
		}
		for _, below := range foldersIn(r.sys.sys, at.real) {
			if left--; left < 0 {
				return ""
			}
			if at, err := r.sys.walk(dir + "/" + below + "/" + soname); err == nil && at.info.Mode().IsRegular() {
				return dir + "/" + below
			}
		}
	}
	return ""
}

// findIgnored returns the folder of a library that the loader would look in if it trusted the user who starts the program. It returns "" if
// there is none.
func (r *process) findIgnored(soname string) string {
	if !r.secure() {
		return ""
	}
	trusting := tokens{origin: r.main.origin, lib: r.conf.lib}
	for _, list := range []string{r.main.dyn.Rpath, r.main.dyn.Runpath, r.env.LibraryPath} {
		for _, elem := range splitAny(list, ":;") {
			dir, ok := trusting.expand(elem)
			if !ok || dir == "" {
				continue
			}
			if at, err := r.sys.walk(r.absolute(dir) + "/" + soname); err == nil && at.info.Mode().IsRegular() {
				return dir
			}
		}
	}
	return ""
}

// findElsewhere returns the folder of a library that is installed in a common place that no loader searches by
// default: where "make install" puts it, or beside the program. It returns "" if there is none.
func (r *process) findElsewhere(soname string) string {
	// The first folders are for a library that the developer built, the last two for one that came with a
	// download.
	origin := strings.TrimSuffix(r.main.origin, "/")
	for _, dir := range []string{"/usr/local/lib", "/usr/local/lib64", "/usr/lib64", "/lib64", origin, origin + "/lib"} {
		if _, err := r.sys.walk(dir + "/" + soname); err == nil {
			return dir
		}
	}
	return ""
}
