// Package elf reads one ELF file as a dynamic loader reads it, without section headers. It executes nothing and
// opens no other file.
//
// [Read] takes the bytes of a file and returns a [File] with its header and program headers. The methods of File
// read the rest: [File.Dynamic] the dynamic section, [File.Symbols], [File.Bound] and [File.Versions] the tables of
// symbols, relocations and versions, [File.DlopenNotes] and [File.LibraryNames] hints about libraries that the
// program opens at run time. [Interface] returns a checksum of what a loader reads. Which file a name leads to, and
// which files a loader accepts, is the subject of package ldd.
//
// Files are untrusted. Every table is limited by the size of the file and by a constant, so that a small or sparse
// file takes little time and memory.
package elf
