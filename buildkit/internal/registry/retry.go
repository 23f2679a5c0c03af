package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry/access"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/stall"
)

// Defaults and limits of retries. The wait doubles with each try.
const (
	DefaultRetries = 5
	DefaultWait    = 500 * time.Millisecond
	maxWait        = 30 * time.Second
	// maxRetryAfter is the longest Retry-After that is obeyed. A longer one is an error that names it.
	maxRetryAfter = 5 * time.Minute
	// maxStalled is how often a stalled step is retried: each time takes minutes.
	maxStalled = 2
)

// attemptKey is the key of the attempt in a request's context.
type attemptKey struct{}

// attempt collects what the answers of one try say.
type attempt struct {
	reached    *atomic.Bool // the registry has answered at some time in the push
	mu         sync.Mutex
	retryAfter time.Duration
	accepted   bool // an upload was started: the login is valid
}

// note records an answer.
func (a *attempt) note(resp *http.Response) {
	a.reached.Store(true)
	a.mu.Lock()
	defer a.mu.Unlock()
	if resp.StatusCode == http.StatusAccepted {
		a.accepted = true
	}
	a.retryAfter = retryAfter(resp, time.Now())
}

// retryAfter returns the wait in a Retry-After header, which is a number of seconds or a time; 0 if there is none.
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// retry calls do until it succeeds, a retry would not help, or the number of retries is used up.
func (r PushRequest) retry(ctx context.Context, do func(context.Context) error) error {
	wait, tries, stalls := r.Wait, r.Retries, 0
	if wait == 0 {
		wait = DefaultWait
	}
	if tries == 0 {
		tries = DefaultRetries
	}
	for ; ; tries-- {
		a := &attempt{reached: r.reached}
		err := do(context.WithValue(ctx, attemptKey{}, a))
		var stalled *stall.Error
		if errors.As(err, &stalled) {
			tries = min(tries, maxStalled-stalls)
			stalls++
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case tries <= 0 || !a.isTemporary(err):
			return err
		case a.retryAfter > maxRetryAfter:
			return fmt.Errorf("%w; it asks to wait for %s", err, a.retryAfter)
		}
		// Half of the wait is random, so that clients that failed together do not retry together.
		pause := max(a.retryAfter, wait/2+rand.N(wait/2+1))
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		wait = min(2*wait, maxWait)
	}
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// isTemporary reports whether a retry may succeed after this error.
func (a *attempt) isTemporary(err error) bool {
	var answer *errcode.ErrorResponse
	var proxy *access.ProxyError
	var lost *notStoredError
	switch {
	case errors.As(err, &lost):
		return true
	case localOf(err) != nil:
		return false
	case errors.As(err, &proxy) && proxy.Status != 0:
		return a.isTemporaryStatus(proxy.Status)
	case errors.As(err, &answer):
		return a.isTemporaryStatus(answer.StatusCode)
	case errors.Is(err, syscall.ECONNREFUSED):
		return a.reached.Load() // without an earlier answer, the address is most likely wrong
	}
	return isTemporaryNetwork(err)
}

// isTemporaryStatus reports whether a status means that the registry is busy or broken, not that it refuses.
func (a *attempt) isTemporaryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusUnauthorized:
		return a.accepted // the token has expired since the upload started
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= 500
}

// isTemporaryNetwork reports whether a retry may succeed after a network error: after a broken connection, but not after a
// wrong certificate or an unknown host.
func isTemporaryNetwork(err error) bool {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var verification *tls.CertificateVerificationError
	var lookup *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &name), errors.As(err, &verification),
		errors.Is(err, http.ErrSchemeMismatch):
		return false
	case errors.As(err, &lookup):
		return lookup.IsTimeout || lookup.IsTemporary
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, net.ErrClosed):
		return true
	case errors.As(err, &network) && network.Timeout():
		return true
	}
	// net/http has no types for these errors: its HTTP/2 is bundled, and an early close is only a text.
	for _, text := range []string{"http2: ", "stream error: ", "server closed idle connection", "transport connection broken"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
