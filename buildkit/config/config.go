// Package config holds the words in which a user describes images. It imports
// nothing but the standard library's small packages: it is compiled into every
// magefile, and each package that it linked would be paid at each start of mage.
package config

import (
	"context"
	"io/fs"
	"time"
)

// Config is one image as its user describes it. The zero value is an image of
// the only program of the module, with every default.
type Config struct {
	// Name of the program in the image (/Name), of its folder in dist/ and of the
	// image. Default: the folder of the main package, or the last element of the
	// module path without /vN.
	Name string
	// Main is the package to build: "./cmd/server", or an import path, which may
	// lie in a module that go.mod requires. Default: the only main package that is
	// found below the module.
	Main string

	// Binary is a program that is built elsewhere, by another build tool or in
	// another language, instead of Main: a file, relative to the module's folder.
	// Before may build it. Default: none, the go command builds Main.
	Binary string

	// Repo is the repository of the image: "registry.example/acme/server".
	// Default: Name, lower-cased. The environment's IMAGE_REPO wins.
	Repo string
	// Tag of the image. Default: "latest". The environment's IMAGE_TAG wins.
	Tag string
	// ExtraTags are further tags of the image in archives, layouts and registries; an
	// engine that it is loaded into knows it by Tag alone. Default: none.
	ExtraTags []string
	// Compression of layers that are pushed: "gzip" (default), which every engine
	// takes, or "zstd". Archives and layouts have them uncompressed.
	Compression string
	// Base is the image that this one is put on: "alpine:3.20", "repo@sha256:…", an
	// OCI layout as "oci:DIR" or "oci:DIR:tag", an archive as "archive:FILE" or its
	// path ("./base.tar"), relative to the module's folder. A name is looked for in
	// the engine, then in its registry, by imagePush and imageLayout the other way
	// round; a tag in a registry is asked for each time.
	// Its environment, labels, ports, volumes, stop signal and health check are
	// inherited, its user when he is not root and User is not set. The program's
	// libraries are the base's; what it lacks is added from the Sysroot.
	// Default: "scratch", an empty file system.
	Base string
	// Bare pushes the image alone, and writes layouts and archives without annotations.
	// Default: with what is pushed come its bills of materials and its provenance, as
	// referrers, and annotations on its manifest.
	Bare bool
	// Platform is "linux/arch" or "linux/arch/variant". Default: the engine's,
	// without one the host's. The environment's IMAGE_PLATFORM wins.
	Platform string
	// Platforms are several of them: each is compiled and assembled for itself, and
	// together they are one image. An engine gets the one that it runs itself; an
	// archive, a layout and a registry get all. The environment's IMAGE_PLATFORM wins
	// and may name several too, with commas. Default: Platform alone.
	Platforms []string

	// Builder is an image in whose container the program is compiled, instead of on
	// this machine: "golang:1.26-bookworm". It has the go command and, for cgo, a C
	// compiler; the program's libraries, and the certificates, are taken from it.
	// The engine pulls it when it is missing. Before and After run on this machine.
	// Default: none, the go command of this machine compiles.
	Builder string
	// Builders are engines on which the Builder compiles for a platform, natively, by
	// its name: {"linux/arm64": "ssh://user@host"}. An engine is what DOCKER_HOST can
	// be, or the name of a docker context. Default: the engine that images are loaded
	// into compiles for all of them.
	Builders map[string]string
	// Lend is what of your logins the Builder is lent although no setting asks for it: hosts whose logins in the netrc it
	// has, with "*" for any letters, and "ssh-agent". Hosts that GOPRIVATE, GONOPROXY, GOVCS, GOPROXY and git's insteadOf
	// name need not be here. Default: none.
	Lend []string

	// Cgo is "auto" (default), "on" or "off". auto builds a static binary unless a
	// package outside the standard library needs cgo.
	Cgo string
	// Tags are build tags.
	Tags []string
	// LDFlags for the linker, after "-s -w": "-X main.version=1.2".
	LDFlags string
	// Symbols keeps the symbol table and the debug data: no "-s -w".
	Symbols bool
	// Flags of go build, appended to -trimpath and -buildvcs=false; a later flag
	// wins, so that "-trimpath=false" switches that off.
	Flags []string
	// GoEnv is set for the go command: "CC", "CGO_CFLAGS", "GOEXPERIMENT" …
	GoEnv map[string]string
	// PlatformEnv is GoEnv for one of the Platforms, by its name:
	// {"linux/arm64": {"CC": "zig cc -target aarch64-linux-gnu"}}. It wins over GoEnv.
	PlatformEnv map[string]map[string]string
	// Before runs before the program is compiled, with the module's folder:
	// generate code, build a front end. An error ends the build.
	Before func(ctx context.Context, dir string) error `json:"-"`
	// After runs when the program is compiled, with the path of the binary, which
	// it may change in place. An error ends the build.
	After func(ctx context.Context, binary string) error `json:"-"`
	// Sysroot is the folder that the program's libraries are taken from, in the
	// Builder if there is one. Default: "/", or the root of the cross compiler for
	// another architecture.
	Sysroot string

	// Libraries are shared libraries that the program opens while it runs,
	// dlopen(3), beyond those that are found: names ("libsqlite3.so.0") or absolute
	// paths in the sysroot. Each comes with all that it needs; one that is missing
	// ends the build.
	Libraries []string
	// Plugins says which groups of plugins and data come with the libraries that
	// are known to open them: "auto" (default) is all that need not be asked for,
	// "none" is none, else names of groups, as imagePlan prints them: "vips",
	// "gconv". Asked for by name are "fonts", for text in pictures:
	// {"auto", "fonts"} takes them too.
	Plugins []string
	// Exclude leaves out groups of plugins, and files that come from the sysroot:
	// path.Match patterns of paths, or of names. One that fits a folder leaves out all
	// that is in it. A plugin that needs what is left out is left out as well.
	Exclude []string
	// CPUVariants adds the variants of libraries for newer CPUs that lie in
	// glibc-hwcaps folders beside the baseline ones.
	CPUVariants bool

	// Files, Dirs and Users go into the image. File.From is relative to the
	// module's folder.
	Files []File
	Dirs  []Dir
	Users []User
	// Timezones are zones below /usr/share/zoneinfo: names like "Europe/Berlin",
	// or "all". The zone that Env's TZ names is added.
	Timezones []string
	// Certificates are PEM files whose certificates are appended to the bundle
	// of the host, relative to the module's folder.
	Certificates []string

	// Entrypoint, exec form. Default: the program.
	Entrypoint []string
	// Cmd are the default arguments of the entrypoint.
	Cmd []string
	// Env of the program. HOME is set to the user's home unless given here.
	Env map[string]string
	// User that the program runs as: "uid", "uid:gid" or a name of Users, or of the
	// Base. Default: the Base's, if that is not root, else nobody, 65534:65534.
	User string
	// Workdir of the program, owned by User. Default: "/data".
	Workdir string
	// Ports that the program listens on: "8080", "53/udp".
	Ports []string
	// Volumes are mount points, made as directories owned by User.
	Volumes []string
	// Labels of the image.
	Labels map[string]string
	// Healthcheck of the image. Default: none.
	Healthcheck *Healthcheck
	// StopSignal is sent to stop the program. Default: the engine's, SIGTERM.
	StopSignal string

	// Licenses adds the texts of licences to the image, below /usr/share/doc: of the
	// packages that its libraries come from, and of the Go modules that the program is
	// compiled from. Default: none.
	Licenses bool
	// Annotate says on the manifest that is pushed, or written to a layout, where the
	// image comes from: source, revision and version, as git knows them; in an archive
	// beside the manifest. The image itself stays the same, the digest of its manifest
	// in the registry is another one with each commit. Default: only the title, and the
	// name and digest of the Base.
	Annotate bool

	// Origin says where the Config was written ("magefile.go:16"); whoever
	// records the Config fills it in.
	Origin string
}

// File is a file, or many, to be taken from the host into the image.
type File struct {
	// From is a file, a folder, or a pattern as in [path/filepath.Match], relative
	// to the module's folder or absolute. Links inside of a folder are kept, and
	// must not lead out of it.
	From string
	// To is an absolute path in the image. A file becomes To; it goes into To under
	// its own name when To ends with "/". A folder becomes To. When a pattern fits
	// several, each goes into To.
	To string
	// Owner is "uid:gid", "uid", or the names of a user and a group of the image.
	// Default: root.
	Owner string
	// Mode is given to every file; folders have an x where it has an r. Default:
	// 0755 for folders and for files that their owner may execute, else 0644.
	Mode fs.FileMode
}

// Dir is a folder of the image that is empty at first.
type Dir struct {
	Path  string      // absolute
	Owner string      // as in File. Default: the image's user
	Mode  fs.FileMode // default: 0755
}

// User is an account of the image: a line in /etc/passwd and one in /etc/group.
type User struct {
	Name string // default: "nobody" for 65534, "root" for 0, else "app"
	UID  int    // 0 only for root
	GID  int    // default: the same number as UID
	// Group is the name of the group GID. Default: the user's name.
	Group string
	// Home is made and owned by the user. Default: /data for the image's user,
	// /home/Name for others. "/nonexistent" is not made.
	Home string
}

// Healthcheck is a command that the engine runs in the container again and again:
// exit code 0 is healthy (https://docs.docker.com/reference/dockerfile/#healthcheck).
type Healthcheck struct {
	// Test is the program with its arguments, exec form: there is no shell.
	Test          []string
	Interval      time.Duration // between two checks. Engine's default: 30 s
	Timeout       time.Duration // of one check. Engine's default: 30 s
	StartPeriod   time.Duration // in which failures do not count. Engine's default: none
	StartInterval time.Duration // between two checks in the StartPeriod. Engine's default: 5 s
	Retries       int           // failures in a row that make it unhealthy. Engine's default: 3
}
