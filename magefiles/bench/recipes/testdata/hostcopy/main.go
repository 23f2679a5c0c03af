// Hostcopy relays a page of a server in the company's network.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	serve(map[string]http.HandlerFunc{"/{$}": relay})
}

func relay(w http.ResponseWriter, _ *http.Request) {
	page, err := fetch(os.Getenv("CHECK_URL"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintf(w, "it says %q\n", page)
}
