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
// Resolution is for the baseline CPU of the architecture: a library in a glibc-hwcaps folder that only
// newer CPUs look into is not used, since the image has to run on any of them. LD_PRELOAD and
// /etc/ld.so.preload of the build machine are ignored: they are not part of the image.
package ldd
