// Web serves the files below /srv/www.
package main

import (
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	server := &http.Server{
		Addr:              ":" + os.Getenv("PORT"),
		Handler:           http.FileServer(http.Dir("/srv/www")),
		ReadHeaderTimeout: 5 * time.Second,
	}
	log.Printf("listening on %s as uid %d", server.Addr, os.Getuid())
	log.Fatal(server.ListenAndServe())
}
