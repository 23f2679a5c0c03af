package docker

import (
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

// endpoint is a place where an engine should be.
type endpoint struct {
	host     string        // as configured, completed: "tcp://localhost:2375"
	origin   string        // who said so, for people
	undo     string        // how a person takes that back: "unset DOCKER_HOST"; "" when nobody said so
	tls      *tls.Config   // nil: no TLS
	ssh      *sshHost      // set for ssh://
	patience time.Duration // how long the first answer may take
	looked   []string      // sockets that were looked for in vain
}

// address is host in the words of the client, which knows http only as "tcp" and ssh not at all.
func (ep endpoint) address() string {
	if ep.ssh != nil {
		return "http://docker.example.com" // never resolved: the connection is ssh's; the docker command's own dummy
	}
	scheme, rest, _ := strings.Cut(ep.host, "://")
	if scheme == "http" || scheme == "https" {
		return "tcp://" + rest
	}
	return ep.host
}

// local reports whether the engine's ports are this machine's.
func (ep endpoint) local() bool {
	return strings.HasPrefix(ep.host, "unix://") || strings.HasPrefix(ep.host, "npipe://")
}

// hostname is the machine that the engine runs on as seen from here; "" when it is this one.
func (ep endpoint) hostname() string {
	if ep.local() {
		return ""
	}
	u, err := url.Parse(ep.host)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// resolve finds the endpoint; see Open for the order.
func resolve(o Options) (endpoint, error) {
	if o.Host != "" || o.Context != "" {
		return o.forced()
	}
	if host := o.getenv("DOCKER_HOST"); host != "" {
		return o.hostEndpoint(host, "DOCKER_HOST", "unset DOCKER_HOST")
	}
	name, origin, undo, err := o.contextName()
	if err != nil {
		return endpoint{}, err
	}
	if name == "" {
		return o.defaultEndpoint()
	}
	return o.namedEndpoint(name, origin, undo)
}

// forced is the endpoint that whoever calls Open has chosen.
func (o Options) forced() (endpoint, error) {
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
func (o Options) namedEndpoint(name, origin, undo string) (endpoint, error) {
	if name == "default" { // the reserved name for what DOCKER_HOST and the TLS variables say
		return o.hostEndpoint("", origin, undo)
	}
	return o.contextEndpoint(name, origin, undo)
}

// defaultEndpoint is what is used when nobody configured anything.
func (o Options) defaultEndpoint() (endpoint, error) {
	ep, err := o.hostEndpoint("", "platform default", "")
	if err != nil || !strings.HasPrefix(ep.host, "unix://") {
		return ep, err
	}
	return firstSocket(ep, o.otherSockets()), nil
}

// hostEndpoint is the endpoint of a host from the environment, with TLS from the environment.
func (o Options) hostEndpoint(host, origin, undo string) (endpoint, error) {
	ep := endpoint{host: host, origin: origin, undo: undo}
	var err error
	if ep.host, err = parseHost(host, o.tlsWanted()); err != nil {
		return endpoint{}, ep.invalid(err, hostFix)
	}
	if strings.HasPrefix(ep.host, "tcp://") && o.tlsWanted() { // sockets and ssh have no TLS
		if ep.tls, err = o.envTLS(); err != nil {
			return endpoint{}, ep.invalid(err, tlsFilesFix)
		}
	}
	return ep.complete()
}

// complete fills in what follows from the host.
func (ep endpoint) complete() (endpoint, error) {
	ep.patience = pingTimeout
	if !strings.HasPrefix(ep.host, "ssh://") {
		return ep, nil
	}
	ssh, err := parseSSH(ep.host)
	if err != nil {
		return endpoint{}, ep.invalid(err, hostFix)
	}
	ep.ssh, ep.patience = ssh, sshTimeout
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
		return "unix://" + orDefault(rest, "/var/run/docker.sock"), nil
	case "npipe":
		return "npipe://" + orDefault(rest, "//./pipe/docker_engine"), nil
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
	host, port := orDefault(u.Hostname(), "localhost"), orDefault(u.Port(), "2375")
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("%q has no port between 1 and 65535", address)
	}
	return "tcp://" + net.JoinHostPort(host, port) + u.Path, nil
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// apiVersion is DOCKER_API_VERSION, which pins the version for debugging; "" negotiates it.
func (o Options) apiVersion() (string, error) {
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

// configDir is the docker command's folder, "" when there is none.
func (o Options) configDir() string {
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
