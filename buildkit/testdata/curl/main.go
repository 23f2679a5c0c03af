// Curl gets the page that its argument names by libcurl, and prints it: once with the
// server verified by curl's bundle of certificates, once by where OpenSSL looks.
package main

// #cgo pkg-config: libcurl libssl
// #include <curl/curl.h>
// #include <openssl/ssl.h>
// #include <stdlib.h>
//
// static CURLcode by_openssl(CURL *c, void *ctx, void *p) {
// 	return SSL_CTX_set_default_verify_paths(ctx) == 1 ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
// }
// static CURLcode get(const char *url, int openssl, char *why) {
// 	CURL *c = curl_easy_init();
// 	curl_easy_setopt(c, CURLOPT_URL, url);
// 	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
// 	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
// 	if (openssl) {
// 		curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
// 		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
// 		curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, by_openssl);
// 	}
// 	CURLcode code = curl_easy_perform(c);
// 	curl_easy_cleanup(c);
// 	fflush(stdout);
// 	return code;
// }
import "C"

import (
	"log"
	"os"
)

func main() {
	C.curl_global_init(C.CURL_GLOBAL_DEFAULT)
	why := (*C.char)(C.calloc(1, C.CURL_ERROR_SIZE))
	for openssl := range C.int(2) {
		if code := C.get(C.CString(os.Args[1]), openssl, why); code != C.CURLE_OK {
			log.Fatalf("%s: %s", C.GoString(C.curl_easy_strerror(code)), C.GoString(why))
		}
	}
}
