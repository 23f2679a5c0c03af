// Package attendant holds the source of a small program that runs commands in a builder container. The program is static
// and needs nothing from the image, because a builder may be an image without a shell, sleep or kill. No delivered image
// contains it.
//
//	attendant wait                  is PID 1; ends when its stdin ends, and with it the container
//	attendant run COMMAND…          runs a command; kills it and its children when stdin ends
//	attendant look NAME             prints the path of a command in PATH; exit code 1 if there is none
//	attendant list ROOT EXCLUDED…   prints the names below a folder, see package sysroot
//	attendant read                  prints an archive of the files named on stdin, each name ended by a NUL
//	attendant write FILE            writes stdin to a file that only its owner can read
//	attendant remove                removes the files named on stdin, each name ended by a NUL
//
// If the process at the other end of stdin is killed or loses the network, the commands and the container end.
package attendant

import (
	"embed"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/embedded"
)

//go:embed program/main.go
var files embed.FS

// Program is the source: one file of package main.
var Program = embedded.Program{Name: "attendant", Module: "attendant", Main: "program", Files: files}

// Path is the path of the program in containers.
const Path = "/.fromscratch/attendant"

// NotFound is the exit code of "run" for a missing command, as in shells.
const NotFound = 127
