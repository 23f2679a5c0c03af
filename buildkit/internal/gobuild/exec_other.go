//go:build !unix

package gobuild

import (
	"os"
	"os/exec"
)

// Without process groups only the go command is killed. A compiler that it has
// started ends by itself when its file is done.

func ownGroup(*exec.Cmd) {}

func interrupt(p *os.Process, _ bool) error { return p.Kill() }

func killGroup(*os.Process) {}
