// Package config has the types in which a user describes images. It is compiled
// into every magefile, so it imports only small packages of the standard library:
// each import makes every start of mage slower.
package config

import (
	"context"
	"io/fs"
	"time"
)

// Config describes one image. The zero value is an image of the module's only
// program, with every default.
type Config struct {
	// Name of the program in the image (/Name), of its folder in dist/ and of the
	// image. Default: the folder of the main package, or the last element of the
	// module path without /vN.
	Name string
	// Main is the package to build: "./cmd/server", or an import path, also of a
	// module that go.mod requires. Default: the only main package below the
	// module's folder.
	Main string

	// Binary is a finished program that replaces Main, for another build tool or
	// language: a file, relative to the module's folder. Before may build it.
	// Default: none, the go command builds Main.
	Binary string

	// Repo is the repository of the image: "registry.example/acme/server".
	// Default: Name, lower-cased. The environment variable IMAGE_REPO wins.
	Repo string
	// Tag of the image. Default: "latest". The environment variable IMAGE_TAG wins.
	Tag string
	// ExtraTags are further tags of the image in archives, layouts and registries.
	// In an engine it has only Tag. Default: none.
	ExtraTags []string
	// Compression of pushed layers: "gzip" (default), which every engine reads, or
	// "zstd". Layers in archives and layouts are not compressed.
	Compression string
	// Base is the image that this one is put on: "alpine:3.20", "repo@sha256:…", an
	// OCI layout as "oci:DIR" or "oci:DIR:tag", an archive as "archive:FILE" or its
	// path ("./base.tar"), relative to the module's folder. A name is looked up in
	// the engine first, then in its registry; imagePush and imageLayout ask the
	// registry first. Each build asks the registry again what a tag means.
	// The image inherits the base's environment, labels, ports, volumes, stop signal
	// and health check, and its user if that is not root and User is not set. The
	// program uses the base's libraries; missing ones are added from the Sysroot.
	// Default: "scratch", an empty file system.
	Base string
	// Bare pushes the image alone, and writes layouts and archives without annotations.
	// Default: bills of materials and provenance are pushed too, as referrers, and the
	// manifest has annotations.
	Bare bool
	// Platform is "linux/arch" or "linux/arch/variant". Default: the engine's, or
	// the host's if there is no engine. The environment variable IMAGE_PLATFORM wins.
	Platform string
	// Platforms are the platforms of a multi-platform image. Each is compiled and
	// assembled separately. An engine gets its own platform; an archive, a layout and
	// a registry get all. The environment variable IMAGE_PLATFORM wins and may name
	// several, separated by commas. Default: Platform alone.
	Platforms []string

	// Builder is an image that the program is compiled in, instead of on this
	// machine: "golang:1.26-bookworm". It needs the go command and, for cgo, a C
	// compiler. The program's libraries and the certificates come from it. The engine
	// pulls it if it is missing. Before and After run on this machine.
	// Default: none, the go command of this machine compiles.
	Builder string
	// Builders name, for a platform, the engine on which the Builder compiles
	// natively: {"linux/arm64": "ssh://user@host"}. An engine is a value of
	// DOCKER_HOST or the name of a docker context. Default: the engine that images
	// are loaded into compiles for all platforms.
	Builders map[string]string
	// Lend names further logins that the Builder may use: hosts in your netrc, with
	// "*" for any letters, and "ssh-agent". Hosts that GOPRIVATE, GONOPROXY, GOVCS,
	// GOPROXY and git's insteadOf name need not be here. Default: none.
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
	// Flags of go build, appended to -trimpath and -buildvcs=false. A later flag
	// wins: "-trimpath=false" switches -trimpath off.
	Flags []string
	// GoEnv is set for the go command: "CC", "CGO_CFLAGS", "GOEXPERIMENT" …
	GoEnv map[string]string
	// PlatformEnv is GoEnv for single platforms:
	// {"linux/arm64": {"CC": "zig cc -target aarch64-linux-gnu"}}. It wins over GoEnv.
	PlatformEnv map[string]map[string]string
	// Before runs before the program is compiled, to generate code or build a front
	// end. dir is the module's folder. An error ends the build.
	Before func(ctx context.Context, dir string) error `json:"-"`
	// After runs after the program is compiled. It may change the binary in place.
	// An error ends the build.
	After func(ctx context.Context, binary string) error `json:"-"`
	// Sysroot is the folder that the program's libraries come from, in the Builder
	// if there is one. Default: "/", or the root of the cross compiler for another
	// architecture.
	Sysroot string

	// Libraries are shared libraries that the program opens at run time, dlopen(3),
	// and that the build does not find itself: names ("libsqlite3.so.0") or absolute
	// paths in the sysroot. Their dependencies are added too. A missing library ends
	// the build.
	Libraries []string
	// Plugins are the groups of plugins and data to add for libraries that are known
	// to open them: "auto" (default) for all but "fonts", "none" for none, or the
	// names that imagePlan prints: "vips", "gconv". Fonts, for text in pictures, must
	// be named: {"auto", "fonts"}.
	Plugins []string
	// Exclude leaves out groups of plugins, and files from the sysroot: path.Match
	// patterns of paths or names. A pattern that matches a folder leaves out all in
	// it. A plugin that needs an excluded file is left out too.
	Exclude []string
	// CPUVariants adds the variants of libraries for newer CPUs, from the
	// glibc-hwcaps folders beside the baseline libraries.
	CPUVariants bool

	// Files, Dirs and Users go into the image. File.From is relative to the
	// module's folder.
	Files []File
	Dirs  []Dir
	Users []User
	// Timezones are zones below /usr/share/zoneinfo: names like "Europe/Berlin",
	// or "all". The zone in Env's TZ is always added.
	Timezones []string
	// Certificates are PEM files, relative to the module's folder. Their certificates
	// are appended to the host's bundle.
	Certificates []string

	// Entrypoint, exec form. Default: the program.
	Entrypoint []string
	// Cmd are the default arguments of the entrypoint.
	Cmd []string
	// Env of the program. HOME is set to the user's home unless given here.
	Env map[string]string
	// User that the program runs as: "uid", "uid:gid" or a name from Users or the
	// Base. Default: the Base's user if that is not root, else nobody, 65534:65534.
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

	// Licenses adds licence texts to the image, below /usr/share/doc: those of the
	// libraries' packages and of the Go modules in the program. Default: none.
	Licenses bool
	// Annotate adds source, revision and version from git as annotations: to the
	// manifest in registries and layouts, beside the manifest in archives. The image
	// itself stays the same, but its manifest's digest in the registry changes with
	// each commit. Default: only the title, and the name and digest of the Base.
	Annotate bool

	// Origin is where the Config was written ("magefile.go:16"). The code that
	// records the Config sets it.
	Origin string
}

// File copies one file or several from the host into the image.
type File struct {
	// From is a file, a folder, or a pattern of [path/filepath.Match], absolute or
	// relative to the module's folder. Links inside a folder are kept and must not
	// lead out of it.
	From string
	// To is an absolute path in the image. A file or folder becomes To. If To ends
	// with "/", a file goes into To under its own name. If a pattern matches several,
	// each goes into To.
	To string
	// Owner is "uid:gid", "uid", or the names of a user and a group of the image.
	// Default: root.
	Owner string
	// Mode is the mode of every file; folders get an x for each r. Default: 0755 for
	// folders and for files that their owner may execute, else 0644.
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
	// Home is created and owned by the user. Default: /data for the image's user,
	// /home/Name for others. "/nonexistent" is not created.
	Home string
}

// Healthcheck is a command that the engine runs regularly in the container. Exit
// code 0 means healthy (https://docs.docker.com/reference/dockerfile/#healthcheck).
type Healthcheck struct {
	// Test is the program with its arguments, in exec form: there is no shell.
	Test          []string
	Interval      time.Duration // between two checks. Engine's default: 30 s
	Timeout       time.Duration // of one check. Engine's default: 30 s
	StartPeriod   time.Duration // in which failures do not count. Engine's default: none
	StartInterval time.Duration // between two checks in the StartPeriod. Engine's default: 5 s
	Retries       int           // failures in a row that make it unhealthy. Engine's default: 3
}
