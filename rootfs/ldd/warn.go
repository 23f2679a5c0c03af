package ldd

import (
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// warning adds a warning about other machines or working directories, once.
func (r *process) warning(format string, args ...any) {
	text := plaintext.Sprintf(format, args...)
	if !slices.Contains(r.closure.Warnings, text) {
		r.closure.Warnings = append(r.closure.Warnings, text)
	}
}

// warn adds warnings about what the finished closure depends on besides its files.
func (r *process) warn() {
	for _, o := range r.objects {
		if need := isaLevel(o.isa); need != "" {
			r.warning("%q is built for CPUs of %s: on any other the program ends with \"CPU ISA level is lower than required\"", o.Path, need)
		}
		r.warnRelative("RPATH of "+o.Path, o.dyn.Rpath)
		r.warnRelative("RUNPATH of "+o.Path, o.dyn.Runpath)
	}
	if r.closure.Flavour != Static && r.secure() && r.env.LibraryPath+r.env.Preload != "" {
		r.warning("the loader ignores LD_LIBRARY_PATH and LD_PRELOAD for a program with capabilities or a set-ID bit, except for set-ID libraries that LD_PRELOAD names without a path")
		return
	}
	r.warnRelative("LD_LIBRARY_PATH", strings.ReplaceAll(r.env.LibraryPath, ";", ":"))
}

// warnRelative warns of a relative search path. It depends on the working directory of the process, and anyone
// who can write there decides which library is loaded.
func (r *process) warnRelative(rule, list string) {
	if list == "" {
		return
	}
	for _, dir := range strings.Split(list, ":") {
		// musl skips empty elements.
		if dir == "" && r.closure.Flavour == Glibc || dir != "" && dir[0] != '/' && dir[0] != '$' {
			r.warning("the %s has %q, which is relative to the working directory, %s", rule, dir, r.env.Workdir)
		}
	}
}
