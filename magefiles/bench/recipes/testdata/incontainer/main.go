// Incontainer sends two concurrent requests to a server, with a vendored module.
package main

import (
	"fmt"
	"net/http"
	"os"

	"golang.org/x/sync/errgroup"
)

func main() {
	serve(map[string]http.HandlerFunc{"/{$}": relay})
}

func relay(w http.ResponseWriter, _ *http.Request) {
	var pages [2]string
	var group errgroup.Group
	for i := range pages {
		group.Go(func() (err error) {
			pages[i], err = fetch(os.Getenv("CHECK_URL"))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintf(w, "they say %q\n", pages)
}
