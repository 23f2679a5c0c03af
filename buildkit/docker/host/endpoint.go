package host

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/client"
)

const (
	// DialTimeout bounds one connect, so that a dead host is known after five seconds and not after the kernel's
	// two minutes.
	DialTimeout = 5 * time.Second
	// pingTimeout bounds Open as a whole: a host may accept a connection and never answer. It is the docker
	// command's own limit.
	pingTimeout = 10 * time.Second
	// sshTimeout is pingTimeout for ssh hosts: it is what the docker command grants ssh alone to connect.
	sshTimeout = 30 * time.Second
)

// Options say where the engine is looked for. The zero value is the platform's default engine.
type Options struct {
	// Getenv looks a variable of the user's environment up; nil stands for an empty environment. Asked for are
	// DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_TLS, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH,
	// DOCKER_API_VERSION, HOME (USERPROFILE on Windows) and XDG_RUNTIME_DIR.
	Getenv func(string) string
	// ConfigDir is the docker command's configuration folder. Default: $DOCKER_CONFIG, else ~/.docker.
	ConfigDir string
	// Host forces an engine ("unix:///run/user/1000/docker.sock", "tcp://host:2376", "ssh://user@host") over the
	// environment and every context, like the docker command's --host.
	Host string
	// Context forces one by the name of a docker context, like the docker command's --context. Host wins over it.
	Context string
	// Origin says for people who has chosen Host or Context: "Builders". Default: "the Host option".
	Origin string
}

// Endpoint is a place where an engine should be.
type Endpoint struct {
	Host    string        // as configured, completed: "tcp://localhost:2375"
	Origin  string        // who said so, for people
	TLS     *tls.Config   // nil: no TLS
	Timeout time.Duration // how long the first answer may take

	undo   string   // how a person takes that back: "unset DOCKER_HOST"; "" when nobody said so
	ssh    *sshHost // set for ssh://
	looked []string // sockets that were looked for in vain
}

// SSH reports whether the engine is reached by the ssh command.
func (ep Endpoint) SSH() bool { return ep.ssh != nil }

// Address is host in the words of the client, which knows http only as "tcp" and ssh not at all.
func (ep Endpoint) Address() string {
	if ep.ssh != nil {
		return "http://docker.example.com" // never resolved: the connection is ssh's; the docker command's own dummy
	}
	scheme, rest, _ := strings.Cut(ep.Host, "://")
	if scheme == "http" || scheme == "https" {
		return "tcp://" + rest
	}
	return ep.Host
}

// Local reports whether the engine's ports are this machine's.
func (ep Endpoint) Local() bool {
	return strings.HasPrefix(ep.Host, "unix://") || strings.HasPrefix(ep.Host, "npipe://")
}

// Hostname is the machine that the engine runs on as seen from here; "" when it is this one.
func (ep Endpoint) Hostname() string {
	if ep.Local() {
		return ""
	}
	u, err := url.Parse(ep.Host)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Find finds the endpoint of the user's engine.
//
// The first of these that is set decides, as for the docker command (https://docs.docker.com/engine/manage-resources/contexts/):
// Options.Host, Options.Context, DOCKER_HOST, DOCKER_CONTEXT, currentContext in config.json. When none is, it is the platform's default
// socket, or, where that does not exist, the first that does of rootless Docker's, Docker Desktop's, the user's podman's
// and the system's podman's. A host or context that cannot be used is a [*ConfigError].
func Find(o Options) (Endpoint, error) {
	if o.Host != "" || o.Context != "" {
		return o.forced()
	}
	if host := o.getenv("DOCKER_HOST"); host != "" {
		return o.hostEndpoint(host, "DOCKER_HOST", "unset DOCKER_HOST")
	}
	name, origin, undo, err := o.contextName()
	if err != nil {
		return Endpoint{}, err
	}
	if name == "" {
		return o.defaultEndpoint()
	}
	return o.namedEndpoint(name, origin, undo)
}

// forced is the endpoint that whoever calls Open has chosen.
func (o Options) forced() (Endpoint, error) {
	origin, undo := "the Host option", "set another Host"
	if o.Origin != "" {
		origin, undo = o.Origin, "correct "+o.Origin
	}
	if o.Host != "" {
		return o.hostEndpoint(o.Host, origin, undo)
	}
	return o.namedEndpoint(o.Context, contextOrigin(o.Context, origin), undo)
}

// namedEndpoint is that of a context.
func (o Options) namedEndpoint(name, origin, undo string) (Endpoint, error) {
	if name == "default" { // the reserved name for what DOCKER_HOST and the TLS variables say
		return o.hostEndpoint("", origin, undo)
	}
	return o.contextEndpoint(name, origin, undo)
}

// defaultEndpoint is what is used when nobody configured anything.
func (o Options) defaultEndpoint() (Endpoint, error) {
	ep, err := o.hostEndpoint("", "platform default", "")
	if err != nil || !strings.HasPrefix(ep.Host, "unix://") {
		return ep, err
	}
	return firstSocket(ep, o.otherSockets()), nil
}

// hostEndpoint is the endpoint of a host from the environment, with TLS from the environment.
func (o Options) hostEndpoint(host, origin, undo string) (Endpoint, error) {
	ep := Endpoint{Host: host, Origin: origin, undo: undo}
	var err error
	if ep.Host, err = parseHost(host, o.tlsWanted()); err != nil {
		return Endpoint{}, ep.invalid(err, hostFix)
	}
	if strings.HasPrefix(ep.Host, "tcp://") && o.tlsWanted() { // sockets and ssh have no TLS
		if ep.TLS, err = o.envTLS(); err != nil {
			return Endpoint{}, ep.invalid(err, tlsFilesFix)
		}
	}
	return ep.complete()
}

// complete fills in what follows from the host.
func (ep Endpoint) complete() (Endpoint, error) {
	ep.Timeout = pingTimeout
	if !strings.HasPrefix(ep.Host, "ssh://") {
		return ep, nil
	}
	ssh, err := parseSSH(ep.Host)
	if err != nil {
		return Endpoint{}, ep.invalid(err, hostFix)
	}
	ep.ssh, ep.Timeout = ssh, sshTimeout
	return ep, nil
}

// parseHost completes a host as the docker command does: "" is the default, "host" is tcp with port 2375, "unix://"
// the default socket. Rules: https://github.com/docker/cli/blob/v28.5.2/opts/hosts.go
func parseHost(host string, withTLS bool) (string, error) {
	host = strings.TrimSpace(host)
	if host == "" && withTLS {
		return "tcp://localhost:2376", nil
	}
	if host == "" {
		return client.DefaultDockerHost, nil
	}
	scheme, rest, found := strings.Cut(host, "://")
	if !found { // "host:2375", from before there were schemes
		scheme, rest = "tcp", host
	}
	if strings.Contains(rest, "://") {
		return "", fmt.Errorf("%q has two schemes", host)
	}
	switch scheme {
	case "unix":
		return "unix://" + cmp.Or(rest, "/var/run/docker.sock"), nil
	case "npipe":
		return "npipe://" + cmp.Or(rest, "//./pipe/docker_engine"), nil
	case "tcp":
		return parseTCP(rest)
	case "ssh":
		return host, nil
	}
	return "", fmt.Errorf("%q has the unknown scheme %q; unix, tcp, npipe and ssh are known", host, scheme)
}

// parseTCP completes the address of a tcp host: host localhost, port 2375 (IANA's for Docker), path kept.
func parseTCP(address string) (string, error) {
	if strings.HasSuffix(address, "]:") { // an IPv6 address with an empty port
		address = strings.TrimSuffix(address, ":")
	}
	if strings.Contains(address, "@") { // it is not repeated: there may be a password in it
		return "", errors.New("the address has a user, which is more than a host and a port")
	}
	u, err := url.Parse("tcp://" + address)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q has more than a host and a port", address)
	}
	host, port := cmp.Or(u.Hostname(), "localhost"), cmp.Or(u.Port(), "2375")
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("%q has no port between 1 and 65535", address)
	}
	return "tcp://" + net.JoinHostPort(host, port) + u.Path, nil
}

// APIVersion is DOCKER_API_VERSION, which pins the version for debugging; "" negotiates it.
func (o Options) APIVersion() (string, error) {
	version := strings.TrimPrefix(o.getenv("DOCKER_API_VERSION"), "v")
	if version != "" && !regexp.MustCompile(`^[0-9]+\.[0-9]+$`).MatchString(version) {
		return "", &ConfigError{
			Origin: "DOCKER_API_VERSION",
			Err:    fmt.Errorf("%q is not a version like 1.44", version),
			Fix:    "unset DOCKER_API_VERSION: the version is negotiated",
		}
	}
	return version, nil
}

func (o Options) getenv(name string) string {
	if o.Getenv == nil {
		return ""
	}
	return o.Getenv(name)
}

// home is the user's folder, "" when the environment does not say.
func (o Options) home() string {
	if runtime.GOOS == "windows" {
		return o.getenv("USERPROFILE")
	}
	return o.getenv("HOME")
}

// ConfigFolder is the docker command's folder, "" when there is none.
func (o Options) ConfigFolder() string {
	if o.ConfigDir != "" {
		return o.ConfigDir
	}
	if dir := o.getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	if home := o.home(); home != "" {
		return filepath.Join(home, ".docker")
	}
	return ""
}
