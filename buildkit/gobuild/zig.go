package gobuild

import "context"

// zig is the C compiler in zig, if it is there and knows the target
// (https://ziglang.org/learn/overview/#cross-compiling-is-a-first-class-use-case).
// Of glibc it has nothing to run a program with, so that there would be no
// libraries for an image; musl it links into the program.
func (c *call) zig(ctx context.Context) (Compiler, bool) {
	triple := zigTriple(c.target)
	if _, err := c.g.look(ctx, c.env, "zig"); err != nil || triple == "" {
		return Compiler{}, false
	}
	return Compiler{CC: "zig cc -target " + triple, CXX: "zig c++ -target " + triple}, true
}

// zigTriple is the target in zig's words ("zig targets"); "" is one that it does
// not link for.
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
