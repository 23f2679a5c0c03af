// Package release makes a version of both modules of this repository: it tries it as a user will get it, from a module proxy in a
// folder, and then tags it.
package release
