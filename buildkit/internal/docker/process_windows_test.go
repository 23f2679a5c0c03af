package docker

import "os/exec"

func asNobody(*exec.Cmd) {}

func alive(int) bool { return false }
