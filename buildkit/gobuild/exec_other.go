//go:build !unix

package gobuild

import (
	"os"
	"os/exec"
)

// Without process groups the go command alone is killed; a compiler that it
// had started ends by itself with its file done.

func ownGroup(*exec.Cmd) {}

func interrupt(p *os.Process, _ bool) error { return p.Kill() }

func killGroup(*os.Process) {}
