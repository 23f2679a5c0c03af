package registrytest

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// Status answers with a status and a body.
func Status(code int, body string) Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// Challenge answers 401 with a Www-Authenticate.
func Challenge(header string) Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Www-Authenticate", header)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

// Redirect leads to another server, "https://other.example:443", at the same path.
func Redirect(code int, server string) Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Location", server+r.URL.RequestURI())
		w.WriteHeader(code)
		return true
	}
}

// Page answers with an HTML page, as a web server does that is no registry.
func Page(code int) Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		fmt.Fprint(w, "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body>\x1b[31mIt works!</body></html>\n")
		return true
	}
}

// Cut breaks the connection.
func Cut(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

// Lose says 201 to what is sent, and keeps nothing.
func Lose(w http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusCreated)
	return true
}

// Hang never answers: it waits until the client goes.
func Hang(_ http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Times does a fault n times, and then no more.
func Times(n int32, f Fault) Fault {
	var done atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool { return done.Add(1) <= n && f(w, r) }
}
