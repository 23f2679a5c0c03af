// Package ldd computes which shared libraries a Linux program loads. It executes nothing.
//
// [Resolve] takes a sysroot, a [Program] and its environment, and returns a [Closure]: the program, its loader
// and every library, with the links and folders that lead to them. It follows the rules of the program's own
// loader, the ELF interpreter. The sysroot is the host, a cross compiler's folder, an unpacked container, or
// the file tree of an image that is not written yet. [Verify] checks that the program would start in a finished
// tree. [Compare] checks that two closures load the same bytes.
//
// The rules are those of glibc 2.31 to 2.43 (elf/dl-load.c, elf/dl-deps.c, elf/dl-cache.c) and of musl 1.2
// (ldso/dynlink.c); see also ld.so(8). The settings of a distribution, such as the trusted directories and the
// path of the cache, are read from the loader's binary.
//
// Resolution is for the baseline CPU of the architecture, because an image has to run on any CPU.
// [Program.Variants] adds the libraries of glibc-hwcaps folders, which only newer CPUs load. $PLATFORM and the
// capability folders of glibc up to 2.36 ("tls/haswell") are those of the oldest CPU. LD_PRELOAD and
// /etc/ld.so.preload of the build machine are ignored, because they are not part of the image; [Env] takes
// those of the image.
//
// No ELF header lists the libraries that a program opens at run time with dlopen(3). [Closure.Notes],
// [Closure.Names] and [Closure.Importers] collect hints about them from its files; [Program.Opens] and
// [Program.Tries] add them.
//
// Package elf reads the files one by one; this package decides which of them the loader takes.
package ldd
