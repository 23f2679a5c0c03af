// Musl is a cgo program that is linked with musl.
package main

// #include <stdio.h>
// static void hello(void) { puts("hello from C, with musl"); fflush(stdout); }
import "C"

func main() { C.hello() }
