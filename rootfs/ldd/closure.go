package ldd

import (
	debugelf "debug/elf"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Program is the executable to resolve.
type Program struct {
	// Path is the program's absolute path in the sysroot or, later, in the image. $ORIGIN is its folder, with
	// links resolved. Required.
	Path string
	// File is the path of the program's file on the host. If it is "", Path is opened in the sysroot; otherwise
	// Path need not exist there.
	File string
	// Interpreter is the loader for a library, which names none itself: the closure is what
	// LD_TRACE_LOADED_OBJECTS=1 Interpreter Path would load. It is ignored for a file that has a PT_INTERP and
	// for a static program.
	Interpreter string
	// Opens are the names or absolute paths of libraries that the program opens at run time with dlopen(3).
	// They are searched as if the program's own code opened them, and a missing one is an error. A static
	// program can open none.
	Opens []string
	// Tries are opened after Opens, in order and by the same rules, but all of them are optional. A library is
	// left out if it cannot be loaded, lacks a library, wants a version that a library does not have, or is
	// truncated, which would kill the program. The libraries that only it needs are then left out too, as a
	// failed dlopen unloads them. See Closure.Left.
	Tries []string
	// Secure says that the kernel will start the program in secure-execution mode (AT_SECURE in ld.so(8)), although its
	// file does not show that: in the image, the file will have capabilities. The loader then ignores LD_LIBRARY_PATH and
	// paths that begin with $ORIGIN. A program whose file has a set-ID bit, or capabilities in a [DirFS], needs no word here.
	Secure bool
	// Variants adds the libraries that only newer CPUs load, from glibc-hwcaps/LEVEL in each searched folder.
	// Without it the closure is for the baseline of the architecture, which every CPU runs. The levels are
	// those that the loader names, see "ld.so --help". Only glibc has them.
	Variants bool
	// Memory, if set, keeps what was read, for the next resolution of the same program.
	Memory *Memory
}

// Env is the environment that a loader reads. The zero value is an empty environment in "/".
type Env struct {
	LibraryPath string // LD_LIBRARY_PATH
	// Preload is LD_PRELOAD: libraries that are loaded before those that the program needs. They may be
	// missing.
	Preload string
	// PreloadFile is the content of /etc/ld.so.preload, which glibc reads for every program; see [ReadPreload].
	// [Resolve] ignores the file of the sysroot, because that is for the programs of that machine; [Verify]
	// reads it.
	PreloadFile string
	Workdir     string // absolute path that relative search paths start from; "" is "/"
}

// Flavour is a family of dynamic loaders.
type Flavour int

// The flavours. Static is a program without a loader.
const (
	Static Flavour = iota
	Glibc
	Musl
)

// String returns the flavour's name in lower case.
func (f Flavour) String() string {
	switch f {
	case Static:
		return "static"
	case Glibc:
		return "glibc"
	case Musl:
		return "musl"
	}
	return fmt.Sprintf("Flavour(%d)", int(f))
}

// Closure is everything that a program needs to start.
type Closure struct {
	Loader  string           // PT_INTERP, "" when static
	Flavour Flavour          // whose rules the loader follows
	Machine debugelf.Machine // of the program and every object
	Class   debugelf.Class   // 32 or 64 bit

	// Objects are the files in load order: the program, its loader, what is preloaded, then each library when
	// it is first asked for, breadth first. Libraries that are opened later follow, with libgcc_s.so.1, which
	// glibc opens itself, at their end. Variants come last.
	Objects []*Object

	// Optional are libraries that were not found and that the program can start without: libgcc_s.so.1 of a
	// glibc program, which aborts without it in pthread_exit, pthread_cancel and backtrace (glibc's
	// sysdeps/nptl/unwind-forcedunwind.c), DT_AUXILIARY libraries, and those of Env.Preload.
	Optional []*NotFoundError

	// Left are the Tries, the rejected DT_AUXILIARY libraries and, with Variants, the paths of variants that
	// are not in Objects.
	Left []Left

	// Warnings say what may go wrong on another machine or in another working directory, one line each.
	Warnings []string

	files       map[string]*file // libraries that were read, by real path
	program     *file
	interpreter *file // nil if static
	started     int   // number of objects that are loaded before the program runs
	sys         FS
	want        *elf.Header // of the loader
	loader      loaderConf
	lookups     []lookup // what the image's loader configuration has to answer, in order
	// needsConf is set if the loader's defaults alone would not find the same files.
	needsConf bool
	pathFile  []byte             // content of musl's path file, nil if there is none
	tries     map[string]bool    // set of Program.Tries
	entries   map[string]*Object // object opened by each name
	levels    []*Closure         // closure of each CPU level, with Program.Variants
	// find returns the path and the real path that an object would get for a name, or "". It is nil if static.
	find     func(name string, by *Object) (path, real string)
	searches *searches // steps of find, which finds nothing when there are none left
}

// Left is a library that was tried and is not in the closure.
type Left struct {
	Name string // the name that was asked for; of a variant its path
	Err  error  // a MissingError, a LoadError, or why the file does not fit
}

// lookup is a name and the file that the cache or a default folder had for it.
type lookup struct{ name, path, real, level string }

// Object is a file that the loader maps.
//
// For an image to find it by the same path, the image needs the file at Real, every link of Links, and every
// folder of Dirs.
type Object struct {
	Name     string   // the name that was asked for: "libc.so.6"; of the program its Path
	Path     string   // as the loader opened it, absolute; may have links and ".." in it
	Real     string   // Path without links
	Soname   string   // DT_SONAME, "" if there is none
	Links    []Link   // every symbolic link between Path and Real, in order; then those of its other names
	Dirs     []string // folders that Path enters and leaves by ".."; mostly empty
	NeededBy *Object  // the object that asked for it first; nil for the program
	By       string   // the rule that found it, for people: "RUNPATH of /usr/bin/x"

	// Opened is the entry of Program.Opens or Program.Tries that loaded the object, directly or as a
	// dependency. It is "libgcc_s.so.1" for what glibc opens, the name in DT_AUDIT for an audit library, and ""
	// for what is loaded at the start.
	Opened string
	// Level is the lowest CPU level that loads the object instead of another one or in addition, such as
	// "x86-64-v3". It is "" for what the baseline loads. An object of a level has the NeededBy of the object
	// that it replaces.
	Level string

	preload bool // named by Env.Preload or Env.PreloadFile

	file  string    // path of the content on the host; "" is Real in the sysroot
	needs []*Object // the objects that its headers ask for, except missing ones
}

// Lookup returns the object that was asked for by a name or has it as soname.
func (c *Closure) Lookup(name string) (*Object, bool) {
	for _, o := range c.Objects {
		if o.Name == name || o.Soname == name {
			return o, true
		}
	}
	return nil, false
}

// Program returns the program of the closure.
func (c *Closure) Program() *Object { return c.Objects[0] }

// String lists the closure as ldd(1) does, with the rule that found each object.
func (c *Closure) String() string {
	var b strings.Builder
	for _, o := range c.Objects {
		fmt.Fprintf(&b, "%s => %s (%s)\n", o.Name, o.Path, o.By)
	}
	return b.String()
}
