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

	"github.com/fromscratch-go/fromscratch/buildkit/registry/access"
	"github.com/fromscratch-go/fromscratch/buildkit/stall"
)

// The waits between two tries, when the request does not say others. The first one doubles with each try.
const (
	DefaultRetries = 5
	DefaultWait    = 500 * time.Millisecond
	maxWait        = 30 * time.Second
	// maxRetryAfter is the longest that a registry may ask to wait for: more is an error, which tells it.
	maxRetryAfter = 5 * time.Minute
	// maxStalled is how often a step is tried again that has stalled: each time takes minutes.
	maxStalled = 2
)

// attemptKey is where a request finds its attempt in the context.
type attemptKey struct{}

// attempt is what the answers of one try have said.
type attempt struct {
	reached    *atomic.Bool // something has answered before, at some time in the push
	mu         sync.Mutex
	retryAfter time.Duration
	accepted   bool // an upload was begun: the login is good
}

// note looks at an answer.
func (a *attempt) note(resp *http.Response) {
	a.reached.Store(true)
	a.mu.Lock()
	defer a.mu.Unlock()
	if resp.StatusCode == http.StatusAccepted {
		a.accepted = true
	}
	a.retryAfter = retryAfter(resp, time.Now())
}

// retryAfter reads the header, which is a number of seconds or a time.
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

// retry tries something until it goes well, another try would not help, or there were enough.
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
		case tries <= 0 || !a.mayPass(err):
			return err
		case a.retryAfter > maxRetryAfter:
			return fmt.Errorf("%w; it asks to wait for %s", err, a.retryAfter)
		}
		// The half of the wait is random, so that many who failed together do not come again together.
		pause := max(a.retryAfter, wait/2+rand.N(wait/2+1))
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		wait = min(2*wait, maxWait)
	}
}

// sleep waits, or ends with ctx.
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

// mayPass tells whether an error is of the kind that passes.
func (a *attempt) mayPass(err error) bool {
	var answer *errcode.ErrorResponse
	var proxy *access.ProxyError
	var lost *notStoredError
	switch {
	case errors.As(err, &lost):
		return true
	case localOf(err) != nil:
		return false
	case errors.As(err, &proxy) && proxy.Status != 0:
		return a.statusMayPass(proxy.Status)
	case errors.As(err, &answer):
		return a.statusMayPass(answer.StatusCode)
	case errors.Is(err, syscall.ECONNREFUSED):
		return a.reached.Load() // nobody listens there: most likely the address is wrong, unless there was an answer
	}
	return networkMayPass(err)
}

// statusMayPass knows what registries answer when they are busy or broken, and not what they answer by conviction.
func (a *attempt) statusMayPass(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusUnauthorized:
		return a.accepted // the token was good for the beginning of the upload, and has run out
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= 500
}

// networkMayPass knows connections that break, and those that are never made.
func networkMayPass(err error) bool {
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
	// net/http has no types for these: its HTTP/2 is bundled, and a connection that was closed early is a text.
	for _, text := range []string{"http2: ", "stream error: ", "server closed idle connection", "transport connection broken"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
