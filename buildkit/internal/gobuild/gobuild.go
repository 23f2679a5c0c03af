// Package gobuild runs the go command for a user's program: it finds the
// mains of a module, decides whether they need cgo, compiles one for a Linux
// target and reads its build info back.
//
//	g := gobuild.Go{Dir: moduleRoot, Env: os.Environ()}
//	mains, err := g.Mains(ctx, target, options)
//	binary, err := g.Build(ctx, gobuild.Request{Main: mains[0], Output: "dist/app", Target: target, Options: options})
//
// Everything goes through the go command, so GOPROXY, GOPRIVATE, netrc,
// vendor folders, workspaces and toolchain lines work as for a plain go build.
// The program must not depend on the machine that builds it, so GOOS, GOARCH, the
// architecture's level (GOARM, GOAMD64 …), CGO_ENABLED and GOBIN of the surrounding
// environment are ignored; this package sets them.
//
// Nothing runs through a shell, and the package neither prints nor reads the
// process environment.
package gobuild

import "io"

// Go is the go command in a folder, with an environment.
type Go struct {
	// Command is the go command: a name searched in the PATH of Env, or a
	// path. Default "go".
	Command string
	// Dir is the folder the command runs in; patterns such as "./cmd/app" and a
	// relative Request.Output are relative to it. Default: the working folder.
	Dir string
	// Env is the complete environment, as from os.Environ. The process environment
	// adds nothing: nil is an environment without PATH and HOME.
	Env []string
	// Stderr receives the output of the go command and the compilers as it comes:
	// downloads, progress of -x, compile errors. Errors have the same text
	// (CommandError.Output). Default: only errors have it.
	Stderr io.Writer
	// Runner runs the commands. Env is then the complete environment there.
	// Default: they run on this machine.
	Runner Runner

	hidden []string // texts that errors do not show; see WithSecrets
}

// CGO says when the C toolchain is used. The zero value means Auto.
type CGO string

const (
	// Auto leaves cgo off, which makes a static binary, unless a package
	// outside the standard library needs it. Then cgo is on for all packages,
	// as for a plain go build. To use the C variants of net and os/user, set On.
	Auto CGO = "auto"
	// On is CGO_ENABLED=1.
	On CGO = "on"
	// Off is CGO_ENABLED=0.
	Off CGO = "off"
)

// Options is how a program is listed and compiled. The zero value is right for
// most programs.
type Options struct {
	// CGO is Auto, On or Off. Default Auto.
	CGO CGO
	// Tags are build tags. If there are any, they replace the -tags of GOFLAGS,
	// as go build -tags does.
	Tags []string
	// LDFlags are flags for the linker, in one string as for go build -ldflags:
	// "-X main.version=1.2". They come after "-s -w", which Symbols leaves out,
	// and replace the -ldflags of GOFLAGS.
	LDFlags string
	// Symbols keeps the symbol table and the DWARF data: no "-s -w".
	Symbols bool
	// Flags are more flags of go build, one argument each. They come last and
	// so override the defaults: "-trimpath=false", "-buildvcs=true", "-race",
	// "-ldflags=". -o, -n, -json, -C, and a -buildmode that makes no program are
	// refused.
	Flags []string
	// Env overrides the environment for this program: CC, CGO_CFLAGS,
	// GOEXPERIMENT … A value that contradicts the target or CGO is an error.
	Env map[string]string
}

// Request is one program to compile.
type Request struct {
	// Main is the program with its cgo decision, as returned by Mains.
	Main Main
	// Output is the file to write. Its folder is created if missing.
	Output string
	// Target and Options are those of the call of Mains.
	Target  Target
	Options Options
}
