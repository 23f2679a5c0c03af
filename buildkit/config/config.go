package config

import (
	"context"
	"io/fs"
	"strconv"
	"time"
)

// Config describes one image. The zero value is an image of the module's only
// program, with every default.
//
// The texts in Tags, Labels, Env, Created and Build.LDFlags are templates in the syntax
// of package text/template, evaluated when a target needs them:
//
//	{{.Git.Tag}}                       the tag of the commit; of several the last in version order
//	{{.Git.Commit}} {{.Git.ShortCommit}}
//	{{.Git.Branch}}
//	{{.Git.Dirty}}                     true if files differ from the commit, or are not in git
//	{{.Git.Time}}                      of the commit, "2026-01-02T15:04:05Z"
//	{{.Git.Describe}}                  of git describe --tags --always: "v1.2.3-4-g0123abc"
//	{{.Env.NAME}}                      a variable of the environment
//	{{.Name}} {{.Platform}}            of the image; "linux/arm64"
//	{{slug .Git.Branch}}               with "-" for what a tag cannot have
//	{{trimPrefix "v" .Git.Tag}}
//
// They have if, else, and, or, not, eq and ne, but no loops and variables.
//
// A value that is missing is an error: the commit has no tag, no branch is checked
// out, a variable is not set. With {{or .Git.Tag .Git.ShortCommit}} the second one
// is taken then.
type Config struct {
	// Name of the image, of its folder in dist/ and, by default, of the repository
	// and of the program. Default: the folder of the main package, or the last element
	// of the module path without /vN.
	Name string
	// Main is the package to build: "./cmd/server", or an import path, also of a
	// module that go.mod requires. Default: the main package at the module's root,
	// else the only one below its folder, apart from examples and tools.
	Main string
	// Binary is a finished program that replaces Main, for another build tool or
	// language: a file, relative to the module's folder. Build.Before may make it.
	// Default: none, the go command builds Main.
	Binary string
	// BinaryFor is Binary for single platforms:
	// {"linux/amd64": "out/amd64/app", "linux/arm64": "out/arm64/app"}. It wins over Binary.
	BinaryFor map[string]string
	// Program is the path of the program in the image. Two images of one main package,
	// with two Names and one Program, have the same layer of the program.
	// Default: "/" and the Name.
	Program string

	// Repo is the repository of the image: "registry.example/acme/server".
	// Default: Name, lower-cased. The environment variable IMAGE_REPO wins.
	Repo string
	// Tags of the image. An engine gets the first; archives, layouts and registries
	// get all. Default: "latest". The environment variable IMAGE_TAG replaces the first.
	Tags Tags
	// TagSuffix is appended to every tag, also to that of IMAGE_TAG: "-debug" for a
	// second image of one program. Default: none.
	TagSuffix string
	// Platforms are "linux/arch" or "linux/arch/variant". Each is compiled and
	// assembled separately. An engine gets its own platform; an archive, a layout and
	// a registry get all. Default: the engine's, or the host's if there is no engine.
	// The environment variable IMAGE_PLATFORM wins and may name several, separated by
	// commas.
	Platforms []string
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

	// Build says how the program is compiled.
	Build Build
	// Push says what a registry gets.
	Push Push
	// Check says what imageCheck demands of the image.
	Check Check

	// Sysroot is the folder that the program's libraries come from, in the Container
	// if there is one. Default: "/", or the root of the cross compiler for another
	// architecture.
	Sysroot string
	// Libraries are shared libraries that the program opens at run time, dlopen(3),
	// and that the build does not find itself: names ("libsqlite3.so.0") or absolute
	// paths in the sysroot. Their dependencies are added too. A missing library ends
	// the build.
	Libraries []string
	// Plugins are the groups of plugins and data to add for libraries that are known
	// to open them: PluginsAuto (default) for all, PluginsNone for none, or the names
	// that imagePlan prints: "vips", "gconv". PluginFonts is one font, for libraries
	// that draw text; files of yours in /usr/share/fonts replace it.
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
	// Capabilities of the program's file, capabilities(7): "cap_net_bind_service". The
	// program has them although it does not run as root. Default: none.
	Capabilities []string
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
	// Created is the date of the image: CommitTime, or a time like
	// "2026-01-02T15:04:05Z". Files keep their own time, see SOURCE_DATE_EPOCH, so
	// that layers stay equal. Default: the time of the files, 1970.
	Created string

	// Licenses adds licence texts to the image, below /usr/share/doc: those of the
	// libraries' packages and of the Go modules in the program. Default: none.
	Licenses bool

	// Packages says whether the image has a database of the packages that its libraries
	// come from, for scanners: PackagesAuto (default), if it has libraries of dpkg's or
	// apk's packages, or PackagesNone.
	Packages string

	// Origin is where the Config was written ("magefile.go:16"). The code that
	// records the Config sets it.
	Origin string
}

// Tags are the tags of an image: targets.Tags{"1.2.3", "latest"}. The build tags of the go
// command are Build.Tags, another type, so that one is not taken for the other.
type Tags []Tag

// Tag is a tag of an image.
type Tag string

// CommitTime in Config.Created is the time of git's commit.
const CommitTime = "{{.Git.Time}}"

// Values of Build.Cgo.
const (
	CgoAuto = "auto"
	CgoOn   = "on"
	CgoOff  = "off"
)

// Values in Config.Plugins. Other groups have the names that imagePlan prints.
const (
	PluginsAuto = "auto"
	PluginsNone = "none"
	PluginFonts = "fonts"
)

// Values of Config.Packages.
const (
	PackagesAuto = "auto"
	PackagesNone = "none"
)

// Values of Push.Compression.
const (
	Gzip = "gzip"
	Zstd = "zstd"
)

// Values of Push.Annotations.
const (
	AnnotationsAuto = "auto"
	AnnotationsNone = "none"
	AnnotationsGit  = "git"
)

// Build says how the program is compiled: what the go command gets, and where it runs.
type Build struct {
	// Tags are build tags.
	Tags []string
	// LDFlags for the linker, after "-s -w": "-X main.version={{.Git.Tag}}".
	LDFlags string
	// Flags of go build, appended to -trimpath and -buildvcs=false. A later flag
	// wins: "-trimpath=false" switches -trimpath off.
	Flags []string
	// Env is set for the go command: "CC", "CGO_CFLAGS", "GOEXPERIMENT" …
	Env map[string]string
	// EnvFor is Env for single platforms:
	// {"linux/arm64": {"CC": "zig cc -target aarch64-linux-gnu"}}. It wins over Env.
	EnvFor map[string]map[string]string
	// Cgo is CgoAuto (default), CgoOn or CgoOff. CgoAuto builds a static binary unless a
	// package outside the standard library needs cgo.
	Cgo string
	// Symbols keeps the symbol table and the debug data: no "-s -w".
	Symbols bool

	// Container is an image that the program is compiled in, instead of on this
	// machine: "golang:1.26-bookworm". It needs the go command and, for cgo, a C
	// compiler. The program's libraries and the certificates come from it. The engine
	// pulls it if it is missing. Before and After run on this machine.
	// Default: none, the go command of this machine compiles.
	Container string
	// Engines name, for a platform, the engine on which the Container compiles
	// natively: {"linux/arm64": "ssh://user@host"}. An engine is a value of
	// DOCKER_HOST or the name of a docker context. Default: the engine that images
	// are loaded into compiles for all platforms.
	Engines map[string]string
	// Lend names further logins that the Container may use: hosts in your netrc, with
	// "*" for any letters, and "ssh-agent". Hosts that GOPRIVATE, GONOPROXY, GOVCS,
	// GOPROXY and git's insteadOf name need not be here. Default: none.
	Lend []string
	// Secrets are what the go command needs and nobody may see: names of variables of
	// the environment, "TOKEN", or of variables that get the path of a file,
	// "TOKEN_FILE=secrets/token". In a Container they are in memory. They are in no
	// plan, state, document or error. A change of one makes no new build. Default: none.
	Secrets []string

	// Before runs before the program is compiled, to generate code or build a front
	// end. An error ends the build. Of the BuildInfo it gets all but Platform and Binary.
	Before func(context.Context, BuildInfo) error `json:"-"`
	// After runs after the program is compiled, for each platform. It may change
	// BuildInfo.Binary in place. An error ends the build.
	After func(context.Context, BuildInfo) error `json:"-"`
}

// BuildInfo tells a function of a Build what is built.
type BuildInfo struct {
	Dir       string // the module's folder, absolute
	Name      string // of the image
	Version   string // the first tag of the image
	Platform  string // "linux/arm64"; "" in Before, which runs once for all platforms
	Platforms []string
	Binary    string // the compiled program, absolute; "" in Before
}

// Push says what a registry gets, and a layout and an archive beside the image.
type Push struct {
	// Compression of pushed layers: Gzip (default), which every engine reads, or
	// Zstd. Layers in archives and layouts are not compressed.
	Compression string
	// NoAttestations pushes the image alone. Default: bills of materials and provenance
	// are pushed too, as referrers.
	NoAttestations bool
	// Annotations of the manifest in registries and layouts, and beside it in archives:
	// AnnotationsAuto (default) has the title, and the name and digest of the Base.
	// AnnotationsGit adds source, revision and version as git knows them: the image
	// stays the same, but its manifest's digest changes with each commit.
	// AnnotationsNone leaves all out.
	Annotations string
}

// Check says what imageCheck demands of an image, besides what it demands of each: that the program starts, that its
// user is not root, and that no file is setuid, setgid or writable by everybody.
type Check struct {
	// MaxSize is the largest size of all layers together, uncompressed, as imageExplain
	// prints it: "20MB". Units are B, kB, MB, GB, KiB, MiB and GiB. Default: any size.
	MaxSize string
	// MaxGrowth is how much larger the compressed layers may be than those of the image
	// that the registry has under one of the image's tags: "10%", or a size like "2MB".
	// If it has none, nothing is compared. Default: any size, and the registry is not asked.
	MaxGrowth string
	// Root allows root as the image's user.
	Root bool
	// Allow are files and folders that may be setuid, setgid or writable by everybody:
	// absolute paths, or patterns of path.Match. What matches a folder allows all in it.
	Allow []string
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
	// folders and for files that their owner may execute, else 0644. What an executable
	// loads comes along; a mode without x says that it is only data.
	Mode fs.FileMode
	// Capabilities of every file, which must be an executable. Default: none.
	Capabilities []string
	// Platforms are those whose image gets the file. Default: all.
	Platforms []string
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
	Test []string
	// Probe, instead of Test, is what is asked: "http://:8080/healthz", "tcp://:5432" or
	// "grpc://:9000/SERVICE", see [HTTPProbe], [TCPProbe] and [GRPCProbe]. A small program
	// that asks comes into the image.
	Probe         string
	Interval      time.Duration // between two checks. Engine's default: 30 s
	Timeout       time.Duration // of one check. Engine's default: 30 s
	StartPeriod   time.Duration // in which failures do not count. Engine's default: none
	StartInterval time.Duration // between two checks in the StartPeriod. Engine's default: 5 s
	Retries       int           // failures in a row that make it unhealthy. Engine's default: 3
}

// HTTPProbe returns a health check that asks the program for a page: a GET of the path
// on the port of the container's loopback address, without TLS, must be answered with a
// status below 400. Set Interval and the others in what it returns.
func HTTPProbe(path string, port int) *Healthcheck {
	return &Healthcheck{Probe: "http://:" + strconv.Itoa(port) + path}
}

// TCPProbe returns a health check that connects to a port of the container's loopback
// address.
func TCPProbe(port int) *Healthcheck {
	return &Healthcheck{Probe: "tcp://:" + strconv.Itoa(port)}
}

// GRPCProbe returns a health check that calls grpc.health.v1, without TLS: the service,
// or with "" the whole server, must be SERVING
// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
func GRPCProbe(service string, port int) *Healthcheck {
	return &Healthcheck{Probe: "grpc://:" + strconv.Itoa(port) + "/" + service}
}
