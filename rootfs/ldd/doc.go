// Package ldd computes which shared libraries a Linux program loads, without running anything.
//
// [Resolve] follows the rules of the program's own loader, the ELF interpreter, over a sysroot: the
// host, a cross compiler's folder, an unpacked container, or the file tree of an image that is yet to
// be written. [Verify] asks of a finished tree whether the program would start in it, [Compare] whether
// it would load the same bytes as before.
//
// The rules are those of glibc 2.31 to 2.43 (elf/dl-load.c, elf/dl-deps.c, elf/dl-cache.c) and of musl
// 1.2 (ldso/dynlink.c), see also ld.so(8). What a distribution may set, the trusted directories and the
// place of the cache, is read out of the loader's binary instead of being guessed.
//
// Resolution is for the baseline CPU of the architecture, since the image has to run on any: a library in
// a glibc-hwcaps folder that only newer CPUs look into is used with [Program.Variants] alone, and then in
// addition. $PLATFORM and the folders that glibc up to 2.36 has for capabilities ("tls/haswell") are those
// of the oldest CPU as well. LD_PRELOAD and /etc/ld.so.preload of the build machine are ignored: they are
// not part of the image; those that the image is going to have are in [Env].
//
// What a program opens while it runs, with dlopen(3), no header says. [Closure.Notes], [Closure.Names] and
// [Closure.Importers] collect what its files tell about it; [Program.Opens] and [Program.Tries] add it.
package ldd
