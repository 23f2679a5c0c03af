package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Dialer connects to an endpoint. It keeps the last failure, because the client replaces it by "Cannot connect to the
// Docker daemon" and the reason decides which advice a person gets.
type Dialer struct {
	// Pipe dials npipe hosts: it is the client's own. It must be set before Dial is used for one.
	Pipe func(ctx context.Context, network, address string) (net.Conn, error)

	endpoint Endpoint

	mu   sync.Mutex
	last error
}

// NewDialer makes the dialer of an endpoint.
func NewDialer(ep Endpoint) *Dialer { return &Dialer{endpoint: ep} }

// Dial connects, whatever the network.
func (d *Dialer) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, address)
	if err != nil {
		d.failed(err)
		return nil, err
	}
	return conn, nil
}

// connect ignores the network that the transport asks for: it is "tcp" for a socket too.
func (d *Dialer) connect(ctx context.Context, address string) (net.Conn, error) {
	plain := net.Dialer{Timeout: DialTimeout, KeepAlive: 30 * time.Second}
	scheme, path, _ := strings.Cut(d.endpoint.Host, "://")
	switch scheme {
	case "unix":
		return plain.DialContext(ctx, "unix", path)
	case "npipe":
		return d.Pipe(ctx, scheme, address)
	case "ssh":
		return startCommand(d.endpoint.ssh.command(), d.failed)
	}
	return plain.DialContext(ctx, "tcp", address)
}

func (d *Dialer) failed(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = err
}

// Cause is what is behind a client's error: the failed connect when there was one.
func (d *Dialer) Cause(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil {
		return d.last
	}
	return err
}

// otherSocket is a place where an engine may listen when the default one does not.
type otherSocket struct{ path, origin string }

// otherSockets lists them in the order in which they are tried: rootless Docker (https://docs.docker.com/engine/security/rootless/),
// Docker Desktop's on macOS and on Linux, podman's user service and the system's (podman-system-service(1)).
func (o Options) otherSockets() []otherSocket {
	var sockets []otherSocket
	run, home := o.runtimeDir(), o.home()
	if run != "" {
		sockets = append(sockets, otherSocket{filepath.Join(run, "docker.sock"), "rootless Docker's socket"})
	}
	if home != "" {
		sockets = append(sockets, otherSocket{filepath.Join(home, ".docker", "run", "docker.sock"), "Docker Desktop's socket"},
			otherSocket{filepath.Join(home, ".docker", "desktop", "docker.sock"), "Docker Desktop's socket"})
	}
	if run != "" {
		sockets = append(sockets, otherSocket{filepath.Join(run, "podman", "podman.sock"), "podman's socket"})
	}
	return append(sockets, otherSocket{"/run/podman/podman.sock", "the system's podman socket"})
}

// runtimeDir is where a user's services have their sockets. A shell that was not logged in by systemd, like sudo's and
// cron's, has no XDG_RUNTIME_DIR; the folder is there nevertheless (pam_systemd(8)).
func (o Options) runtimeDir() string {
	if dir := o.getenv("XDG_RUNTIME_DIR"); dir != "" || runtime.GOOS != "linux" {
		return dir
	}
	return fmt.Sprintf("/run/user/%d", os.Getuid())
}

// firstSocket is ep when its socket exists or none of the others does; else ep at the first of the others.
func firstSocket(ep Endpoint, others []otherSocket) Endpoint {
	if isSocket(strings.TrimPrefix(ep.Host, "unix://")) {
		return ep
	}
	for _, s := range others {
		// One that this user may not even look at is not meant for them.
		if info, err := os.Stat(s.path); err == nil && info.Mode()&os.ModeSocket != 0 {
			ep.Host, ep.Origin = "unix://"+s.path, s.origin
			return ep
		}
		ep.looked = append(ep.looked, s.path)
	}
	return ep
}

// isSocket reports whether something that could be a socket is there. What cannot be looked at counts: connecting to
// it then tells why.
func isSocket(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return !os.IsNotExist(err)
	}
	return info.Mode()&os.ModeSocket != 0
}
