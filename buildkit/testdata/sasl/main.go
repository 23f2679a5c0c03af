// Sasl prints which ways to log in Cyrus SASL offers to a client: all but EXTERNAL
// are plugins.
package main

// #cgo LDFLAGS: -lsasl2
// #include <sasl/sasl.h>
// static const char *at(const char **list, int i) { return list[i]; }
import "C"

import (
	"fmt"
	"log"
	"slices"
)

func main() {
	if code := C.sasl_client_init(nil); code != C.SASL_OK {
		log.Fatal(C.GoString(C.sasl_errstring(code, nil, nil)))
	}
	var mechanisms []string
	list := C.sasl_global_listmech()
	for i := C.int(0); list != nil && C.at(list, i) != nil; i++ {
		mechanisms = append(mechanisms, C.GoString(C.at(list, i)))
	}
	slices.Sort(mechanisms)
	fmt.Println(slices.Compact(mechanisms))
}
