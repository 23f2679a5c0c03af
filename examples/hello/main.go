// Hello is an HTTP server as small services are: it greets, it answers a health
// check, and it fetches from other services over HTTPS.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", ":8080", "address to listen on")
	health := flag.String("health", "", "ask the server at this URL for its health, and end")
	flag.Parse()
	if err := run(*addr, *health); err != nil {
		log.Fatal(err)
	}
}

func run(addr, health string) error {
	if health != "" {
		return checkHealth(health)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return serve(ctx, addr)
}

// serve answers requests until ctx ends, and finishes those that are under way.
func serve(ctx context.Context, addr string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", greet)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/fetch", fetch)
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	log.Printf("listening on %s as uid %d", addr, os.Getuid())
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func greet(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "Hello from scratch, as uid %d in %s.\n", os.Getuid(), os.Getenv("HOME"))
}

// fetch gets the URL of its query: with https, the server's certificate is
// checked against the bundle in the image.
func fetch(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.FormValue("url"), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, resp.Body); err != nil {
		log.Printf("fetching %s: %v", req.URL, err)
	}
}

// checkHealth is the image's health check: there is no curl in it.
func checkHealth(url string) error {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
