// Base shows where it runs.
package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	text, err := exec.Command("/bin/sh", "-c", "echo a shell is there").CombinedOutput()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(string(text))
}
