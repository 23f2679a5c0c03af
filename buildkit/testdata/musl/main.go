// Musl says which C library it runs with: glibc has gnu_get_libc_version.
package main

// #include <locale.h>
// #include <pthread.h>
// #include <stdlib.h>
//
// const char *gnu_get_libc_version(void) __attribute__((weak));
// static int glibc(void) { return gnu_get_libc_version != NULL; }
// static void *nothing(void *p) { return p; }
// static int thread(void) {
// 	pthread_t t;
// 	return pthread_create(&t, NULL, nothing, NULL) ? 1 : pthread_join(t, NULL);
// }
import "C"

import (
	"fmt"
	"log"
	"os/user"
)

func main() {
	if code := C.thread(); code != 0 {
		log.Fatalf("a thread of C: error %d", code)
	}
	me, err := user.Current() // by the C library
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("glibc:", C.glibc() == 1, "user:", me.Username)
}
