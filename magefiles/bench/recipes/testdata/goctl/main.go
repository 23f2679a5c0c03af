// Goctl prints the greeting in its configuration, which it reads from the file of -f, like services made with goctl.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	path := flag.String("f", "etc/greet.yaml", "the configuration file")
	flag.Parse()
	text, err := os.ReadFile(*path)
	if err != nil {
		log.Fatal(err)
	}
	greeting := strings.TrimSpace(strings.TrimPrefix(string(text), "Greeting:"))
	serve(map[string]http.HandlerFunc{
		"/{$}": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, greeting) },
	})
}
