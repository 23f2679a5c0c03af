package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The line of main that is changed is in a file of its own, which also lets the
// program tell what it was compiled with: asked by tellFlag, before main starts.
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

// newConstant is a value that no program was compiled with before, so that nothing
// of it is in any cache. All are of one length.
func (b *bench) newConstant() string {
	b.constant++
	return fmt.Sprintf("bench %016x %06d", time.Now().UnixNano(), b.constant)
}

// edit changes the constant of the program in a folder. The file is replaced at
// once: a watcher must not see half of it.
func (b *bench) edit(dir string) (constant string, err error) {
	constant = b.newConstant()
	temp := filepath.Join(b.dir, constantFile)
	if err := os.WriteFile(temp, fmt.Appendf(nil, constantSource, constant, tellFlag), 0o644); err != nil {
		return "", err
	}
	return constant, os.Rename(temp, filepath.Join(dir, constantFile))
}

// checkHolds makes sure that a program was compiled with the constant, and gives
// its size.
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
