package gobuild

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Compiler is the C toolchain for a target.
type Compiler struct {
	CC        string // as in the environment: a program and perhaps flags
	CXX       string // "" leaves the choice to the go command
	PkgConfig string // likewise
	// Sysroot is the folder whose /lib has the libraries of compiled programs:
	// "/" for a native compiler, "/usr/aarch64-linux-gnu" for Debian's cross
	// compiler; "" if the compiler does not say.
	Sysroot string
}

// Compiler finds the C compiler that Build uses for a target when cgo is on, in
// this order:
//
//  1. CC in Options.Env; a gcc for another architecture is refused,
//  2. CC_FOR_linux_<arch> in the environment, a name from Go's own build
//     (https://go.dev/src/make.bash),
//  3. for the machine's own system and architecture: the output of `go env CC`,
//  4. for others: the same, if its -dumpmachine names the target. The host's CC
//     would fail late, or make a program for the host,
//  5. for others: a cross compiler in PATH under its usual name, such as
//     aarch64-linux-gnu-gcc,
//  6. for others: zig, which compiles for all of them and links musl, so that the
//     program is static.
//
// CXX and PKG_CONFIG follow CC. If there is no compiler, the error says what to
// install.
func (g Go) Compiler(ctx context.Context, t Target, opts Options) (Compiler, error) {
	enabled := true
	c, err := g.prepare(ctx, t, opts, &enabled, nil)
	if err != nil {
		return Compiler{}, err
	}
	return c.compiler(ctx)
}

func (c *call) compiler(ctx context.Context) (Compiler, error) {
	suffix := "_FOR_linux_" + c.target.Architecture
	given := cmp.Or(c.opts.Env["CC"], getenv(c.env, "CC"+suffix))
	switch {
	case given != "":
		if err := c.present(ctx, given, "correct CC, or install the compiler"); err != nil {
			return Compiler{}, err
		}
		if err := c.fits(ctx, given); err != nil {
			return Compiler{}, err
		}
		return c.complete(ctx, Compiler{CC: given, CXX: cmp.Or(c.opts.Env["CXX"], getenv(c.env, "CXX"+suffix))}), nil
	case c.native():
		cc := c.vars["CC"]
		if err := c.present(ctx, cc, c.nativeFix(cc)); err != nil {
			return Compiler{}, err
		}
		return Compiler{CC: cc, Sysroot: "/"}, nil
	}
	machine := c.ask(ctx, c.vars["CC"], "-dumpmachine")
	if c.target.Architecture == tripleArch(machine) {
		return c.complete(ctx, Compiler{CC: c.vars["CC"], CXX: cmp.Or(c.opts.Env["CXX"], getenv(c.env, "CXX"))}), nil
	}
	for _, triple := range triples(c.target) {
		if _, err := c.g.look(ctx, c.env, triple+"-gcc"); err == nil {
			return c.complete(ctx, Compiler{CC: triple + "-gcc", CXX: c.opts.Env["CXX"]}), nil
		}
	}
	if cc, ok := c.zig(ctx); ok {
		return cc, nil
	}
	return Compiler{}, c.noCompiler(machine)
}

// native reports whether the machine compiles for itself.
func (c *call) native() bool {
	return c.vars["GOHOSTOS"] == "linux" && c.vars["GOHOSTARCH"] == c.target.Architecture
}

// present fails if a compiler is missing. Otherwise the go command would only fail in
// the middle of the build.
func (c *call) present(ctx context.Context, cc, fix string) error {
	words := split(cc)
	if len(words) == 0 {
		return fmt.Errorf("looking for a C compiler for %s: CC is empty\nfix: %s", c.target, fix)
	}
	if _, err := c.g.look(ctx, c.env, words[0]); err != nil {
		return fmt.Errorf("looking for the C compiler %q for %s: %w\nfix: %s", words[0], c.target, err, fix)
	}
	return nil
}

// fits refuses a given gcc for another architecture. A gcc compiles for one only,
// and its own error would be a page of assembler messages. Other compilers, such as
// clang, may have the target in CGO_CFLAGS.
func (c *call) fits(ctx context.Context, cc string) error {
	if c.native() || !strings.HasSuffix(split(cc)[0], "gcc") {
		return nil
	}
	machine := c.ask(ctx, cc, "-dumpmachine")
	switch arch := tripleArch(machine); {
	case arch == "" || arch == c.target.Architecture:
		return nil
	case arch == "amd64" && c.target.Architecture == "386": // the go command adds -m32
		return nil
	}
	return fmt.Errorf("looking for a C compiler for %s: CC is %q, which compiles for %s\nfix: %s", c.target, cc, machine, c.crossFix())
}

// crossFix returns how to get a compiler for the target.
func (c *call) crossFix() string {
	fix := fmt.Sprintf("set CC in Build.Env to a C compiler for %s", c.target)
	names := triples(c.target)
	switch {
	case len(names) == 0:
		return fix
	case c.g.Runner != nil: // nothing is installed into a container for one build
		return fmt.Sprintf("have %s-gcc in the Build.Container, for Debian the package gcc-%s, or %s", names[0], strings.ReplaceAll(names[0], "_", "-"), fix)
	case c.vars["GOHOSTOS"] != "linux":
		return fmt.Sprintf("install %s-gcc or zig, or %s", names[0], fix)
	}
	return fmt.Sprintf("apt-get install gcc-%s, install zig, or %s", strings.ReplaceAll(names[0], "_", "-"), fix)
}

// nativeFix returns how to install the machine's own compiler. Debian only recommends
// the C library's headers with it, so they are named too.
func (c *call) nativeFix(cc string) string {
	if c.g.Runner != nil {
		return fmt.Sprintf("name a Build.Container that has %s, such as golang:1.26-bookworm, or set Build.Cgo to \"off\"", cc)
	}
	if cc == "gcc" {
		return "apt-get install gcc libc6-dev"
	}
	return "correct CC, or install the compiler"
}

// complete adds the C++ compiler, pkg-config and sysroot that belong to a CC that the
// go command has not chosen itself. For another machine CXX is set even if it is
// missing: otherwise the linker would refuse the objects of the host's C++ compiler
// with a less helpful error.
func (c *call) complete(ctx context.Context, cc Compiler) Compiler {
	program := split(cc.CC)[0]
	prefix, isGCC := strings.CutSuffix(program, "gcc")
	if cc.CXX == "" && isGCC {
		if _, err := c.g.look(ctx, c.env, prefix+"g++"); err == nil || !c.native() {
			cc.CXX = strings.Replace(cc.CC, program, prefix+"g++", 1)
		}
	}
	if name := prefix + "pkg-config"; isGCC && prefix != "" && getenv(c.env, "PKG_CONFIG") == "" {
		if _, err := c.g.look(ctx, c.env, name); err == nil {
			cc.PkgConfig = name
		}
	}
	cc.Sysroot = c.sysroot(ctx, cc.CC)
	return cc
}

// sysroot asks the compiler where its C library is.
func (c *call) sysroot(ctx context.Context, cc string) string {
	if root := c.ask(ctx, cc, "-print-sysroot"); root != "" && root != "/" {
		return filepath.Clean(root)
	}
	triple := c.ask(ctx, cc, "-dumpmachine")
	for _, name := range []string{"libc.so.6", "libc.so"} { // glibc, musl
		if lib := c.ask(ctx, cc, "-print-file-name="+name); filepath.IsAbs(lib) {
			return librarySysroot(filepath.Clean(lib), triple)
		}
	}
	return ""
}

// librarySysroot returns the sysroot of a C library's file: the folder named after the
// machine if the library is in its lib folder (/usr/aarch64-linux-gnu/lib), else the
// root of the system (/usr/lib/aarch64-linux-gnu is Debian's multiarch).
func librarySysroot(lib, triple string) string {
	if i := strings.Index(lib, "/"+triple+"/lib"); triple != "" && i >= 0 {
		root := lib[:i+1+len(triple)]
		if strings.Count(lib[len(root):], "/") > 1 { // "/lib/libc.so.6", not "/libc.so.6"
			return root
		}
	}
	return "/"
}

// ask returns the compiler's one-line answer to a question, "" if there is none.
func (c *call) ask(ctx context.Context, cc string, question ...string) string {
	words := split(cc)
	if len(words) == 0 {
		return ""
	}
	g := Go{Command: words[0], Dir: c.g.Dir, Runner: c.g.Runner}
	out, err := g.run(ctx, command{doing: "asking " + words[0], env: c.env, args: append(words[1:], question...)})
	if err != nil {
		return ""
	}
	answer := strings.TrimSpace(string(out))
	if strings.Contains(answer, "\n") {
		return ""
	}
	return answer
}

// env returns the variables that make the go command use the compiler.
func (cc Compiler) env() []string {
	env := []string{"CC=" + cc.CC}
	if cc.CXX != "" {
		env = append(env, "CXX="+cc.CXX)
	}
	if cc.PkgConfig != "" {
		env = append(env, "PKG_CONFIG="+cc.PkgConfig)
	}
	return env
}

// noCompiler returns the error for a missing compiler. machine is the host CC's
// target, "" if unknown.
func (c *call) noCompiler(machine string) error {
	evidence := ""
	if names := triples(c.target); len(names) > 0 {
		evidence = fmt.Sprintf("; no %s-gcc in PATH", strings.Join(names, "-gcc, "))
	}
	if machine != "" {
		evidence = fmt.Sprintf("; %q compiles for %s", c.vars["CC"], machine) + evidence
	}
	return fmt.Errorf("looking for a C compiler for %s on %s/%s: none found%s\nfix: %s",
		c.target, c.vars["GOHOSTOS"], c.vars["GOHOSTARCH"], evidence, c.crossFix())
}

// triples returns the usual prefixes of compilers for a target: Debian's first, then
// those of musl-cross and crosstool-NG.
func triples(t Target) []string {
	var cpu, glibc, musl string
	switch t.Architecture {
	case "amd64":
		cpu = "x86_64"
	case "386":
		cpu = "i686"
	case "arm64":
		cpu = "aarch64"
	case "arm":
		// Debian's hard float toolchain makes ARMv7 code; older ARM needs armel.
		cpu, glibc, musl = "arm", "gnueabihf", "musleabihf"
		if t.Variant == "v5" || t.Variant == "v6" {
			glibc, musl = "gnueabi", "musleabi"
		}
	case "ppc64le":
		cpu = "powerpc64le"
	case "s390x", "riscv64":
		cpu = t.Architecture
	case "loong64":
		cpu = "loongarch64"
	case "mips64le":
		cpu, glibc = "mips64el", "gnuabi64"
	default:
		return nil
	}
	glibc, musl = cmp.Or(glibc, "gnu"), cmp.Or(musl, "musl")
	return []string{cpu + "-linux-" + glibc, cpu + "-linux-" + musl, cpu + "-unknown-linux-" + glibc, cpu + "-unknown-linux-" + musl}
}

// tripleArch returns the GOARCH of a Linux compiler's machine, "" for any other.
func tripleArch(machine string) string {
	words := strings.Split(machine, "-")
	if !slices.Contains(words, "linux") {
		return ""
	}
	switch cpu := words[0]; cpu {
	case "x86_64", "amd64":
		return "amd64"
	case "i386", "i486", "i586", "i686":
		return "386"
	case "aarch64", "arm64":
		return "arm64"
	case "powerpc64le", "ppc64le":
		return "ppc64le"
	case "loongarch64":
		return "loong64"
	case "mips64el":
		return "mips64le"
	case "s390x", "riscv64":
		return cpu
	default:
		if strings.HasPrefix(cpu, "arm") {
			return "arm"
		}
	}
	return ""
}

// zig returns zig's C compiler, if it is installed and has the target
// (https://ziglang.org/learn/overview/#cross-compiling-is-a-first-class-use-case).
// It is used with musl, which it links into the program. For glibc it has no
// libraries that could go into an image.
func (c *call) zig(ctx context.Context) (Compiler, bool) {
	triple := zigTriple(c.target)
	if _, err := c.g.look(ctx, c.env, "zig"); err != nil || triple == "" {
		return Compiler{}, false
	}
	return Compiler{CC: "zig cc -target " + triple, CXX: "zig c++ -target " + triple}, true
}

// zigTriple returns zig's name of the target ("zig targets"), "" if zig does not link
// for it.
func zigTriple(t Target) string {
	switch t.Architecture {
	case "amd64":
		return "x86_64-linux-musl"
	case "386":
		return "x86-linux-musl"
	case "arm64":
		return "aarch64-linux-musl"
	case "arm":
		if t.Variant == "v5" || t.Variant == "v6" {
			return "arm-linux-musleabi"
		}
		return "arm-linux-musleabihf"
	case "ppc64le":
		return "powerpc64le-linux-musl"
	case "riscv64", "s390x":
		return t.Architecture + "-linux-musl"
	}
	return ""
}
