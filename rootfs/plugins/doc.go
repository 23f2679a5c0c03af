// Package plugins finds what libraries open while a program runs, and what no header of theirs names:
// plugins, and the files of data that they cannot work without.
//
// [Discover] looks at a closure that [ldd.Resolve] has computed. Where it knows from:
//
//   - a registry of libraries, by soname: which folders each searches and when. It is a table, and each
//     row says where the knowledge is from.
//   - the package rule: what lies below a library's own folder and was installed by the same package
//     of the distribution is the library's plugin.
//   - what objects say about themselves in their .note.dlopen.
//   - how the Go program was built.
//
// What is only guessed is never taken. It is in [Found.Candidates], for people to decide.
//
// Plugins are libraries: what they need is resolved by ldd, in the context of the program, with
// [ldd.Program.Tries]; and then these have plugins, too. [Resolve] goes on until there is nothing new.
//
// Nothing is executed, and only the sysroot is read.
package plugins
