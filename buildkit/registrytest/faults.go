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

// Redirect redirects to the same path on another server, "https://other.example:443".
func Redirect(code int, server string) Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Location", server+r.URL.RequestURI())
		w.WriteHeader(code)
		return true
	}
}

// Page answers with an HTML page, like a web server that is not a registry.
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

// Lose answers uploads with 201 and discards them.
func Lose(w http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusCreated)
	return true
}

// Hang never answers and waits until the client gives up.
func Hang(_ http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Times returns a fault that happens n times only.
func Times(n int32, f Fault) Fault {
	var done atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool { return done.Add(1) <= n && f(w, r) }
}
