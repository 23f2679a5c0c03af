// Cross says what it was compiled for, after the C library has done something.
package main

// #include <math.h>
// #include <time.h>
// #cgo LDFLAGS: -lm
import "C"

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Printf("%s/%s %.3f uid %d\n", runtime.GOOS, runtime.GOARCH, float64(C.cbrt(27)), os.Getuid())
}
