package host

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// UnreachableError means that no engine answers where one should be. Of one that is absent a caller may do without: write
// an archive.
type UnreachableError struct {
	Host   string // the address: "unix:///var/run/docker.sock"
	Origin string // who named it, for people: "DOCKER_HOST", `context "remote" (DOCKER_CONTEXT)`, "platform default"
	Err    error  // the cause
	Fix    string // what a person can do, one line
	// Absent says that nobody has chosen an engine, and that none is there: none of the usual sockets exists. One that
	// is there and refuses, or may not be used, is not absent, nor is any that a variable or a context names.
	Absent bool
	// Chosen says that a variable, a context or the caller names this engine. One that is not chosen is on this machine.
	Chosen bool
}

func (e *UnreachableError) Error() string {
	return plaintext.Sprintf("connecting to the Docker Engine at %q (%s): %v\nfix: %s", e.Host, e.Origin, quoted{e.Err}, e.Fix)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// ConfigError means that the user's settings name no usable engine: a malformed host, a context that does not exist.
type ConfigError struct {
	Origin string // where the setting is, for people: "DOCKER_HOST"
	Err    error  // what is wrong with it
	Fix    string // what a person can do, one line
}

func (e *ConfigError) Error() string {
	return plaintext.Sprintf("finding the Docker Engine by %s: %v\nfix: %s", e.Origin, quoted{e.Err}, e.Fix)
}

func (e *ConfigError) Unwrap() error { return e.Err }

// What helps against a setting that names no usable endpoint.
const (
	hostFix     = "use a host like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host"
	tlsFilesFix = "put ca.pem, cert.pem and key.pem where the error looked for them"
)

// Invalid is the error about an endpoint that no client can be made for.
func (ep Endpoint) Invalid(err error) error { return ep.invalid(err, hostFix) }

// invalid is the error about an endpoint's setting.
func (ep Endpoint) invalid(err error, fix string) error {
	if ep.undo != "" {
		fix += ", or " + ep.undo
	}
	return &ConfigError{Origin: ep.Origin, Err: err, Fix: fix}
}

// Unreachable is the error about an endpoint at which no engine answers.
func (ep Endpoint) Unreachable(err error) error {
	if len(ep.looked) > 0 {
		err = fmt.Errorf("%w; nor is there a socket at %s", err, strings.Join(ep.looked, ", "))
	}
	fix := ep.fix(err)
	if ep.undo != "" {
		fix += ", or " + ep.undo
	}
	absent := ep.undo == "" && ep.Local() && errors.Is(err, fs.ErrNotExist)
	return &UnreachableError{Host: ep.Host, Origin: ep.Origin, Err: err, Fix: fix, Absent: absent, Chosen: ep.undo != ""}
}

// fix is what helps against the given cause.
func (ep Endpoint) fix(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "install the ssh client"
	case ep.ssh != nil:
		return ep.ssh.fix(err)
	case errors.Is(err, fs.ErrPermission):
		return "add your user to the docker group (sudo usermod -aG docker $USER) and log in again"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED) && ep.Local():
		return "start Docker (sudo systemctl start docker, or Docker Desktop)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "start the engine there, and let it listen on this address"
	case errors.As(err, &dns):
		return "correct the host name"
	case isTimeout(err):
		return "check that the host is up and that no firewall is in between"
	}
	if fix := ep.tlsFix(err); fix != "" {
		return fix
	}
	return "check that a Docker Engine listens there"
}

// tlsFix is what helps when the two sides do not agree about TLS; "" when that is not the cause.
func (ep Endpoint) tlsFix(err error) string {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var name x509.HostnameError
	var remote *net.OpError
	switch {
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "do not use TLS: what listens there does not speak it (DOCKER_TLS, DOCKER_TLS_VERIFY, the context's certificates)"
	case errors.As(err, &name):
		return "use the host name that is in the engine's certificate"
	case errors.As(err, &verify):
		return "use the ca.pem that signed the engine's certificate (DOCKER_CERT_PATH, docker context update)"
	case errors.As(err, &remote) && remote.Op == "remote error": // crypto/tls: the other side's alert
		return "use a cert.pem and key.pem that the engine accepts (DOCKER_CERT_PATH, docker context update)"
	case ep.TLS == nil && strings.Contains(err.Error(), "HTTPS server"), // net/http's answer to plain HTTP
		ep.TLS == nil && strings.Contains(err.Error(), "TLS-enabled daemon"): // the client's guess
		return "use TLS: DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or a context with certificates"
	case ep.TLS == nil && !ep.Local() && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		// What ends TLS before an engine, stunnel or a balancer, may hang up without a word.
		return "use TLS if the engine there wants it: DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or a context with certificates"
	}
	return ""
}

// isTimeout reports whether the other side has not answered in time: our own limits or the kernel's.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// quoted is an error whose further lines are indented. An engine writes what it likes into its errors: none of its lines
// must begin like one of ours.
type quoted struct{ error }

func (q quoted) Error() string { return strings.ReplaceAll(q.error.Error(), "\n", "\n\t") }
