// Multistage prints a time in the time zone of another office.
package main

import (
	"fmt"
	"net/http"
	"time"
)

func main() {
	serve(map[string]http.HandlerFunc{"/{$}": tell})
}

func tell(w http.ResponseWriter, _ *http.Request) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "the epoch began at", time.Unix(0, 0).In(zone).Format(time.RFC1123Z))
}
