// Container is a cgo program.
package main

// #include <gnu/libc-version.h>
import "C"

import "fmt"

func main() { fmt.Println("compiled with cgo, runs with glibc", C.GoString(C.gnu_get_libc_version())) }
