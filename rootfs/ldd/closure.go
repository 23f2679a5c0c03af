package ldd

import (
	"debug/elf"
	"fmt"
	"strings"
)

// Program is the executable to start with.
type Program struct {
	// Path is the absolute path that the program has in the sysroot or will have in the image.
	// $ORIGIN is the folder it is in, with links resolved. Required.
	Path string
	// File is the host's path of the file; "" opens Path in the sysroot. With a File the Path need
	// not exist in the sysroot.
	File string
	// Interpreter is the loader of a library, which names none itself: what LD_TRACE_LOADED_OBJECTS=1
	// Interpreter Path would load. A file that has a PT_INTERP keeps that, a static program stays one.
	Interpreter string
	// Opens are libraries that the program opens while it runs, dlopen(3): names or absolute paths.
	// They are found as if the program's own code asked for them, and are missed like any other. A
	// static program can open none.
	Opens []string
	// Tries are opened after Opens, in order and by the same rules, and none of them has to be there:
	// one that cannot be loaded, that lacks a library, or that wants a version of one which that does
	// not have, is left out together with what it alone would have brought, as a dlopen that fails
	// unloads it again. So is one that is cut off, which would kill the program. See Closure.Left.
	Tries []string
	// Variants also takes the libraries that only newer CPUs load, out of glibc-hwcaps/LEVEL beside
	// each folder that is searched. Without it the image is for the baseline of the architecture,
	// which every CPU runs. Levels are those that the loader names, see "ld.so --help". Only glibc
	// has them.
	Variants bool
	// Memory is what was read when the same program was resolved before; nil keeps nothing.
	Memory *Memory
}

// Env is what a loader takes from the process. The zero value is an empty environment in "/".
type Env struct {
	LibraryPath string // LD_LIBRARY_PATH
	// Preload is LD_PRELOAD: libraries that are loaded before what the program needs, and that need
	// not be there.
	Preload string
	// PreloadFile is the content of /etc/ld.so.preload, which glibc reads for every program; see
	// [ReadPreload]. [Resolve] does not take that of the sysroot, which is for the programs of that
	// machine; [Verify] does.
	PreloadFile string
	Workdir     string // absolute; relative search paths start here; "" is "/"
}

// Flavour is a family of dynamic loaders.
type Flavour int

// The flavours. A static program has no loader.
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

// Closure is all that a program needs to start.
type Closure struct {
	Loader  string      // PT_INTERP, "" when static
	Flavour Flavour     // whose rules the loader follows
	Machine elf.Machine // of the program, and so of every object
	Class   elf.Class   // 32 or 64 bit

	// Objects are the files in load order: the program, its loader, then each library when it is
	// first asked for, breadth first; then what is opened later, at the end of it libgcc_s.so.1, which
	// glibc opens itself. Behind all of them are the variants. What is preloaded stands behind the
	// loader.
	Objects []*Object

	// Optional are libraries that were looked for and that the program can start without:
	// libgcc_s.so.1 of a glibc program, which aborts without it in pthread_exit, pthread_cancel and
	// backtrace (glibc's sysdeps/nptl/unwind-forcedunwind.c), DT_AUXILIARY ones, and those of Env.Preload.
	Optional []*NotFoundError

	// Left are the Tries, the DT_AUXILIARY libraries that are refused, and with Variants the paths of
	// variants, that are not in Objects.
	Left []Left

	// Warnings are what may go wrong on another machine or in another working directory, a line each.
	Warnings []string

	files       map[string]*file // what was read of the libraries, by real path
	program     *file
	interpreter *file // nil when static
	started     int   // how many of the objects are loaded before the program runs
	sys         FS
	want        *header // of the loader
	loader      loaderConf
	lookups     []lookup // what the image's loader configuration has to answer, in order of lookup
	// needsConf says that the loader's defaults alone would not find the same files.
	needsConf bool
	pathFile  []byte             // musl's, nil when there is none
	tries     map[string]bool    // names of Program.Tries
	entries   map[string]*Object // what was opened under each name
	levels    []*Closure         // what each CPU above the baseline loads, with Program.Variants
	// find returns the path and the real path that an object would get for a name, "" for none; nil when
	// static.
	find func(name string, by *Object) (path, real string)
}

// Left is something that was tried and is not in the closure.
type Left struct {
	Name string // as it was asked for; of a variant its path
	Err  error  // a MissingError, a LoadError, or why the file does not do
}

// lookup is a name and the file that the cache or a default folder had for it.
type lookup struct{ name, path, real, level string }

// Object is a file that the loader maps.
//
// To have it found in an image by the same path, the image needs the file at Real, every link of Links,
// and every folder of Dirs.
type Object struct {
	Name     string   // as it was asked for: "libc.so.6"; of the program its Path
	Path     string   // as the loader opened it, absolute; may have links and ".." in it
	Real     string   // Path without links
	Soname   string   // DT_SONAME, "" when the object has none
	Links    []Link   // every symbolic link between Path and Real, in order; then those of other names
	Dirs     []string // folders that Path enters only to leave them by ".."; mostly empty
	NeededBy *Object  // who asked for it first; nil for the program
	By       string   // the rule that found it, for people: "RUNPATH of /usr/bin/x"

	// Opened is the entry of Program.Opens or Program.Tries that brought the object, be it itself or
	// as a dependency; "libgcc_s.so.1" for what glibc opens, the name of DT_AUDIT for what watches the
	// loader, and "" for what is loaded at the start.
	Opened string
	// Level is the least CPU level that loads the object instead of another one or in addition,
	// "x86-64-v3"; "" for what the baseline loads. An object of a level has the NeededBy of the one
	// that it replaces.
	Level string

	preload bool // named by Env.Preload or Env.PreloadFile

	file  string    // host's path of the content; "" is Real in the sysroot
	needs []*Object // what its headers ask for, as far as it is there
}

// Lookup returns the object that was asked for under a name or has it as soname.
func (c *Closure) Lookup(name string) (*Object, bool) {
	for _, o := range c.Objects {
		if o.Name == name || o.Soname == name {
			return o, true
		}
	}
	return nil, false
}

// Program returns the program that the closure is for.
func (c *Closure) Program() *Object { return c.Objects[0] }

// String lists the closure as ldd(1) does, with the rule that found each object.
func (c *Closure) String() string {
	var b strings.Builder
	for _, o := range c.Objects {
		fmt.Fprintf(&b, "%s => %s (%s)\n", o.Name, o.Path, o.By)
	}
	return b.String()
}
