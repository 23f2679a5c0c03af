// Legacyssl computes an MD4 checksum, which OpenSSL 3 leaves to its legacy provider:
// a plugin.
package main

// #cgo pkg-config: libcrypto
// #include <openssl/err.h>
// #include <openssl/evp.h>
// #include <openssl/provider.h>
//
// static int md4(const char *s, size_t n, unsigned char *sum) {
// 	return OSSL_PROVIDER_load(NULL, "legacy") != NULL && EVP_Digest(s, n, sum, NULL, EVP_md4(), NULL) == 1;
// }
// static const char *why(void) { return ERR_error_string(ERR_peek_last_error(), NULL); }
import "C"

import (
	"fmt"
	"log"
)

func main() {
	var sum [16]C.uchar
	if C.md4(C.CString("abc"), 3, &sum[0]) != 1 {
		log.Fatal(C.GoString(C.why()))
	}
	fmt.Printf("md4: %x\n", sum)
}
