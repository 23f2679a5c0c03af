package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// check is something that a program may need from its image.
type check struct {
	name string
	do   func() error
}

// checks are what the programs of all recipes need. Some programs add more.
var checks = []check{
	{"not root", notRoot},
	{"os/user", account},
	{"temp folder", func() error { return writable(os.TempDir()) }},
	{"home", home},
	{"work folder", func() error { return writable(".") }},
	{"certificates", certificates},
	{"time zones", zones},
}

// serve serves the pages that every program has, and pages of its own, until SIGTERM.
func serve(pages map[string]http.HandlerFunc) {
	if err := listen(pages); err != nil {
		log.Fatal(err)
	}
}

func listen(pages map[string]http.HandlerFunc) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	mux := http.NewServeMux()
	for path, page := range pages {
		mux.HandleFunc(path, page)
	}
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/edition", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, edition) })
	mux.HandleFunc("/checks", answerChecks)
	server := &http.Server{Addr: ":8080", Handler: mux}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- server.Shutdown(context.Background())
	}()
	log.Printf("listening on %s as uid %d", server.Addr, os.Getuid())
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// answerChecks writes a line for each check: its name, a tab, and "ok" or the error.
func answerChecks(w http.ResponseWriter, _ *http.Request) {
	for _, c := range checks {
		result := "ok"
		if err := c.do(); err != nil {
			result = fmt.Sprintf("%q", err.Error())
		}
		fmt.Fprintf(w, "%s\t%s\n", c.name, result)
	}
}

func notRoot() error {
	if os.Getuid() == 0 {
		return errors.New("the user is root")
	}
	return nil
}

// account looks up the user, as programs do that write logs, or that call a library which does.
func account() error {
	_, err := user.LookupId(strconv.Itoa(os.Getuid()))
	return err
}

func home() error {
	dir, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	return writable(dir)
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, "check")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// certificates fetches a page from a server whose certificate the company's own authority has signed.
func certificates() error {
	_, err := fetch(os.Getenv("CHECK_URL"))
	return err
}

func fetch(url string) (string, error) {
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func zones() error {
	_, err := time.LoadLocation("Europe/Berlin")
	return err
}
