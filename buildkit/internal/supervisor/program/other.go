//go:build !linux

package main

import "os"

func main() {
	_, _ = os.Stderr.WriteString("supervisor: containers run Linux programs\nfix: compile it with GOOS=linux\n")
	os.Exit(1)
}
