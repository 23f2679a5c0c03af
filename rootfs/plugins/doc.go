// Package plugins finds the files that libraries open while a program runs, and that no ELF header names:
// plugins, and data that the libraries need.
//
// [Discover] takes a closure that [ldd.Resolve] has computed, and returns what its libraries open. Its sources:
//
//   - a registry of libraries, by soname: which folders each searches and when. It is a table, and each row
//     names its source.
//   - the package rule: a shared object below a library's own folder that the same package of the distribution
//     installed is the library's plugin.
//   - what objects say about themselves in their .note.dlopen.
//   - how the Go program was built.
//   - the names of libraries among the constant strings of the program itself, if it can open libraries, and the
//     paths of files in /usr/share among them.
//
// Other guesses, such as the strings of libraries, are never included. They are in [Found.Candidates], for people to decide.
//
// Plugins are libraries too. Package ldd resolves what they need in the context of the program, see
// [ldd.Program.Tries], and their libraries may have plugins again. [Resolve] repeats both until there is nothing
// new.
//
// Nothing is executed, and only the sysroot is read.
package plugins
