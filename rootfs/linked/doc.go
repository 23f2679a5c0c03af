// Package linked tells which Go functions are linked into a program, and what the program will look for
// when it runs: time zones, certificates, a cache folder, other programs.
//
// [Read] reads the names that the runtime prints in stack traces. They are in every program that the Go
// toolchain links since Go 1.16, also in one that is stripped (-s -w), position independent, linked by
// the C compiler's linker or built with -trimpath, and for every architecture. Nothing is executed.
//
// The linker drops what cannot be reached, so that a function is named only when some path through the
// program leads to it; importing its package is not enough. It keeps what might be reached through
// reflection, and whether the path is ever taken nobody can say: a [Need] is what the program may look
// for. The names of functions that were inlined everywhere are there too.
//
// # What cannot be seen
//
//   - What C code does that is linked into the program or loaded by it: SQLite reads /etc/localtime by
//     itself.
//   - Programs that were passed through an obfuscator, which renames functions, or a packer:
//     [Program.Readable] is false, or none of the names are known.
//   - Programs that are linked by a Go before 1.16, or by one whose table has another form than is known
//     here: [Program.Readable] is false.
package linked
