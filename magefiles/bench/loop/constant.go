package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The edited line of main is in its own file. The file also makes the program print the constant that it was compiled
// with, before main starts, if tellFlag is given.
const (
	constantFile = "constant.go"
	tellFlag     = "-bench-constant"
)

const constantSource = `package main

import "os"

const benchConstant = %q

func init() {
	if len(os.Args) == 2 && os.Args[1] == %q {
		os.Stdout.WriteString(benchConstant + "\n")
		os.Exit(0)
	}
}
`

// newConstant returns a value that no program was compiled with before, so that no cache has it. All values have the
// same length.
func (b *bench) newConstant() string {
	b.constant++
	return fmt.Sprintf("bench %016x %06d", time.Now().UnixNano(), b.constant)
}

// edit changes the constant of the program in a folder. It replaces the file in one step, so that a watcher does not see
// half of it.
func (b *bench) edit(dir string) (constant string, err error) {
	constant = b.newConstant()
	temp := filepath.Join(b.dir, constantFile)
	if err := os.WriteFile(temp, fmt.Appendf(nil, constantSource, constant, tellFlag), 0o644); err != nil {
		return "", err
	}
	return constant, os.Rename(temp, filepath.Join(dir, constantFile))
}

// checkHolds checks that a program was compiled with the constant, and returns its size.
func checkHolds(path, constant string) (size int, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	if !bytes.Contains(content, []byte(constant)) {
		return 0, fmt.Errorf("the program %q was not compiled from the edited source", path)
	}
	return len(content), nil
}
