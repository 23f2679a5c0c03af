package gobuild

import "context"

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
