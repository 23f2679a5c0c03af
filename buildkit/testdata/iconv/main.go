// Iconv converts texts to UTF-8 by the C library, whose character sets are plugins.
package main

// #include <iconv.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"log"
	"unsafe"
)

func main() {
	fmt.Println(
		utf8("ISO-8859-1", "\xe4"),
		utf8("UTF-16", "\xff\xfe\xe9\x00"),
		utf8("SHIFT_JIS", "\x93\xfa\x96\x7b"),
		utf8("EUC-KR", "\xc7\xd1"),
	)
}

// utf8 converts a text from a character set.
func utf8(from, text string) string {
	cd, err := C.iconv_open(C.CString("UTF-8"), C.CString(from))
	if err != nil {
		log.Fatalf("%s: %v", from, err)
	}
	defer C.iconv_close(cd)
	const room = 64
	in, out := C.CString(text), (*C.char)(C.malloc(room))
	inLeft, outLeft, start := C.size_t(len(text)), C.size_t(room), unsafe.Pointer(out)
	if _, err := C.iconv(cd, &in, &inLeft, &out, &outLeft); err != nil {
		log.Fatalf("%s: %v", from, err)
	}
	return C.GoStringN((*C.char)(start), C.int(room-outLeft))
}
