// Package linked reports which Go functions are linked into a program, and what the program may look for
// when it runs: time zones, certificates, a cache folder, other programs.
//
// [Read] reads the function names that the runtime prints in stack traces. Every program linked by Go 1.16
// or later has them, for every architecture, even if it is stripped (-s -w), position independent, linked by
// the C compiler's linker or built with -trimpath. Nothing is executed.
//
// The linker drops unreachable functions, so a function is listed only if some path through the program
// leads to it; importing its package is not enough. The linker keeps functions that may be reached through
// reflection, and nobody can tell whether a path is ever taken, so a [Need] is what the program may look for.
// Functions that were inlined everywhere are listed too.
//
// # What cannot be seen
//
//   - What C code does that the program links or loads: SQLite, for example, reads /etc/localtime.
//   - Functions of a program that was changed by an obfuscator, which renames functions, or by a packer:
//     either [Program.Readable] is false, or none of the names are known.
//   - Functions of a program that was linked by Go before 1.16, or by a Go whose table has a form that is not
//     known here: [Program.Readable] is false.
package linked
