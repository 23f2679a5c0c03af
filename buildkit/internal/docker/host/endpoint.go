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
	// DialTimeout limits one connection attempt. The kernel would try a dead host for two minutes.
	DialTimeout = 5 * time.Second
	// pingTimeout limits the first answer: a host may accept a connection and never answer. The docker command has the
	// same limit.
	pingTimeout = 10 * time.Second
	// sshTimeout is pingTimeout for ssh hosts. The docker command gives ssh this time to connect.
	sshTimeout = 30 * time.Second
)

// Options say where to look for the engine. The zero value means the platform's default engine.
type Options struct {
	// Getenv returns a variable of the user's environment; nil means an empty environment. It is called for
	// DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_TLS, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH,
	// DOCKER_API_VERSION, HOME (USERPROFILE on Windows) and XDG_RUNTIME_DIR.
	Getenv func(string) string
	// ConfigDir is the docker command's configuration folder. Default: $DOCKER_CONFIG, else ~/.docker.
	ConfigDir string
	// Host is the engine's address ("unix:///run/user/1000/docker.sock", "tcp://host:2376", "ssh://user@host"). It wins over the
	// environment and every context, like the docker command's --host.
	Host string
	// Context is the name of a docker context, like the docker command's --context. Host wins over it.
	Context string
	// Origin names the setting that chose Host or Context, for errors ("Build.Engines"). Default: "the Host option".
	Origin string
}

// Endpoint is the place where an engine should be.
type Endpoint struct {
	Host    string        // the address with its defaults filled in: "tcp://localhost:2375"
	Origin  string        // the setting that chose it, for errors
	TLS     *tls.Config   // nil means no TLS
	Timeout time.Duration // how long the first answer may take

	undo   string   // how the user takes the choice back: "unset DOCKER_HOST"; "" if nobody chose
	ssh    *sshHost // set for ssh://
	looked []string // sockets that were looked for and not found
}

// SSH reports whether the engine is reached through the ssh command.
func (ep Endpoint) SSH() bool { return ep.ssh != nil }

// Address returns the host in a form that the Docker client accepts: it calls http "tcp" and does not know ssh.
func (ep Endpoint) Address() string {
	if ep.ssh != nil {
		return "http://docker.example.com" // never resolved: ssh makes the connection; the docker command uses the same name
	}
	scheme, rest, _ := strings.Cut(ep.Host, "://")
	if scheme == "http" || scheme == "https" {
		return "tcp://" + rest
	}
	return ep.Host
}

// Local reports whether the engine is reached through a socket of this machine.
func (ep Endpoint) Local() bool {
	return strings.HasPrefix(ep.Host, "unix://") || strings.HasPrefix(ep.Host, "npipe://")
}

// Hostname returns the name of the engine's machine, "" if it is this machine.
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
// The first setting that is present decides: Options.Host, Options.Context, DOCKER_HOST, DOCKER_CONTEXT, currentContext
// in config.json. The order is the docker command's (https://docs.docker.com/engine/manage-resources/contexts/).
//
// Without a setting, Find takes the first socket that exists: the platform's default one, rootless Docker's, Docker
// Desktop's, podman's of the user, podman's of the system.
//
// If a host or context can't be used, the error is a [*ConfigError].
func Find(o Options) (Endpoint, error) {
	if o.Host != "" || o.Context != "" {
		return o.chosenEndpoint()
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

// chosenEndpoint returns the endpoint that Options.Host or Options.Context names.
func (o Options) chosenEndpoint() (Endpoint, error) {
	origin, undo := "the Host option", "set another Host"
	if o.Origin != "" {
		origin, undo = o.Origin, "correct "+o.Origin
	}
	if o.Host != "" {
		return o.hostEndpoint(o.Host, origin, undo)
	}
	return o.namedEndpoint(o.Context, contextOrigin(o.Context, origin), undo)
}

// namedEndpoint returns the endpoint of a context.
func (o Options) namedEndpoint(name, origin, undo string) (Endpoint, error) {
	if name == "default" { // a reserved name: the default host, with the TLS variables
		return o.hostEndpoint("", origin, undo)
	}
	return o.contextEndpoint(name, origin, undo)
}

// defaultEndpoint returns the endpoint for a user without any setting.
func (o Options) defaultEndpoint() (Endpoint, error) {
	ep, err := o.hostEndpoint("", "platform default", "")
	if err != nil || !strings.HasPrefix(ep.Host, "unix://") {
		return ep, err
	}
	return firstSocket(ep, o.otherSockets()), nil
}

// hostEndpoint returns the endpoint of a host, with TLS from the environment.
func (o Options) hostEndpoint(host, origin, undo string) (Endpoint, error) {
	ep := Endpoint{Host: host, Origin: origin, undo: undo}
	var err error
	if ep.Host, err = parseHost(host, o.tlsWanted()); err != nil {
		return Endpoint{}, ep.invalid(err, hostFix)
	}
	if strings.HasPrefix(ep.Host, "tcp://") && o.tlsWanted() { // sockets and ssh don't use TLS
		if ep.TLS, err = o.envTLS(); err != nil {
			return Endpoint{}, ep.invalid(err, tlsFilesFix)
		}
	}
	return ep.complete()
}

// complete sets the fields that follow from the host.
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

// parseHost fills in the defaults of a host as the docker command does: "" is the default host, "host" is tcp with port
// 2375, "unix://" is the default socket. Rules: https://github.com/docker/cli/blob/v28.5.2/opts/hosts.go
func parseHost(host string, withTLS bool) (string, error) {
	host = strings.TrimSpace(host)
	if host == "" && withTLS {
		return "tcp://localhost:2376", nil
	}
	if host == "" {
		return client.DefaultDockerHost, nil
	}
	scheme, rest, found := strings.Cut(host, "://")
	if !found { // "host:2375", the form without a scheme
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

// parseTCP fills in the defaults of a tcp address: host localhost, port 2375 (IANA's for Docker). It keeps the path.
func parseTCP(address string) (string, error) {
	if strings.HasSuffix(address, "]:") { // an IPv6 address with an empty port
		address = strings.TrimSuffix(address, ":")
	}
	if strings.Contains(address, "@") { // the error doesn't quote it: it may hold a password
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

// APIVersion returns DOCKER_API_VERSION, which pins the API version for debugging. "" means that it is negotiated.
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

// home returns the user's folder, "" if the environment doesn't name it.
func (o Options) home() string {
	if runtime.GOOS == "windows" {
		return o.getenv("USERPROFILE")
	}
	return o.getenv("HOME")
}

// ConfigFolder returns the docker command's configuration folder, "" if there is none.
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
