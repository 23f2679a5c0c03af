// Package attendant has the source of a small program that attends to commands in a builder container. It is static
// and needs nothing of the image: a builder may be an image without a shell, sleep or kill. Nothing of it is ever in a
// delivered image.
//
//	attendant wait                  is PID 1; ends, and with it the container, when its stdin does
//	attendant run COMMAND…          runs a command, and ends it and all below it when stdin ends
//	attendant look NAME             prints where PATH has a command; exit code 1 is nowhere
//	attendant list ROOT EXCLUDED…   prints the names below a folder, see package sysroot
//	attendant read                  prints an archive of the files that stdin names, a NUL after each
//	attendant write FILE            writes stdin into a file that only its owner can read
//	attendant remove                removes the files that stdin names, a NUL after each
//
// Whoever holds the other end of stdin may be killed, or lose the network: the commands end then, and the container.
package attendant

import _ "embed"

// Source is the program, one file of package main that imports the standard library only.
//
//go:embed program/main.go
var Source string

// Path is where containers have the program.
const Path = "/.fromscratch/attendant"

// NotFound is the exit code of "run" for a command that is not there, as shells have it.
const NotFound = 127
