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

// UnreachableError reports that no engine answers at an endpoint. If the engine is absent, a caller may do without one
// and write an archive.
type UnreachableError struct {
	Host   string // the address: "unix:///var/run/docker.sock"
	Origin string // the setting that chose it: "DOCKER_HOST", `context "remote" (DOCKER_CONTEXT)`, "platform default"
	Err    error  // the cause
	Fix    string // what the user can do, one line
	// Absent means that no setting names an engine and none of the usual sockets exists. An engine that refuses the
	// connection, or that a variable or a context names, is not absent.
	Absent bool
	// Chosen means that a variable, a context or the caller names this engine. If it is false, the engine is on this machine.
	Chosen bool
}

func (e *UnreachableError) Error() string {
	return plaintext.Sprintf("connecting to the Docker Engine at %q (%s): %v\nfix: %s", e.Host, e.Origin, quoted{e.Err}, e.Fix)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// ConfigError reports settings that name no usable engine: a malformed host, a context that doesn't exist.
type ConfigError struct {
	Origin string // where the setting is: "DOCKER_HOST"
	Err    error  // what is wrong with it
	Fix    string // what the user can do, one line
}

func (e *ConfigError) Error() string {
	return plaintext.Sprintf("finding the Docker Engine by %s: %v\nfix: %s", e.Origin, quoted{e.Err}, e.Fix)
}

func (e *ConfigError) Unwrap() error { return e.Err }

// Fixes for settings that name no usable endpoint.
const (
	hostFix     = "use a host like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host"
	tlsFilesFix = "put ca.pem, cert.pem and key.pem where the error looked for them"
)

// Invalid returns the [*ConfigError] for an endpoint whose host can't be used.
func (ep Endpoint) Invalid(err error) error { return ep.invalid(err, hostFix) }

// invalid returns the error about an endpoint's setting.
func (ep Endpoint) invalid(err error, fix string) error {
	if ep.undo != "" {
		fix += ", or " + ep.undo
	}
	return &ConfigError{Origin: ep.Origin, Err: err, Fix: fix}
}

// Unreachable returns the [*UnreachableError] for an endpoint where no engine answers. err is why.
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

// fix returns the fix for the given cause.
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

// tlsFix returns the fix if the two sides don't agree about TLS; "" if err has another cause.
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
		// A proxy that ends TLS, like stunnel or a load balancer, may close the connection without an answer.
		return "use TLS if the engine there wants it: DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or a context with certificates"
	}
	return ""
}

// isTimeout reports whether the other side did not answer in time, by a limit of this package or of the kernel.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// quoted indents an error's lines after the first. An engine may write anything into its errors: none of its lines may
// look like a fix line.
type quoted struct{ error }

func (q quoted) Error() string { return strings.ReplaceAll(q.error.Error(), "\n", "\n\t") }
