// Service is a server that says its version, with a health check that needs no shell.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

// version is set by the linker.
var version = "unknown"

func main() {
	addr := flag.String("addr", ":8080", "address to listen on")
	health := flag.String("health", "", "ask the server at this URL for its health, and end")
	flag.Parse()
	if *health != "" {
		os.Exit(check(*health))
	}
	http.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, version) })
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	log.Printf("version %s listens on %s", version, *addr)
	log.Fatal(http.ListenAndServe(*addr, nil))
}

// check returns the exit code of a health check.
func check(url string) int {
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}
