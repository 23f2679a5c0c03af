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

// Dialer connects to an endpoint. It keeps the last error, because it decides on the fix and the Docker client replaces
// it by "Cannot connect to the Docker daemon".
type Dialer struct {
	// Pipe dials npipe hosts. It is required for these; the Docker client has such a function.
	Pipe func(ctx context.Context, network, address string) (net.Conn, error)

	endpoint Endpoint

	mu   sync.Mutex
	last error
}

// NewDialer returns a dialer for an endpoint.
func NewDialer(ep Endpoint) *Dialer { return &Dialer{endpoint: ep} }

// Dial connects to the endpoint. It has the signature that [net/http.Transport] wants, and ignores network.
func (d *Dialer) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, address)
	if err != nil {
		d.failed(err)
		return nil, err
	}
	return conn, nil
}

// connect connects by the scheme of the host. A transport asks for the network "tcp" even for a socket.
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

// Cause returns the last failed connection attempt, which is why the client returned err; err itself if none failed.
func (d *Dialer) Cause(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil {
		return d.last
	}
	return err
}

// otherSocket is a place where an engine may listen if the default socket doesn't exist.
type otherSocket struct{ path, origin string }

// otherSockets lists these places in the order to try them: rootless Docker
// (https://docs.docker.com/engine/security/rootless/), Docker Desktop on macOS and on Linux, podman's service of the user
// and of the system (podman-system-service(1)).
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

// runtimeDir returns the folder of the sockets of a user's services. Shells of sudo and cron have no XDG_RUNTIME_DIR, but
// the folder may exist for them too (pam_systemd(8)).
func (o Options) runtimeDir() string {
	if dir := o.getenv("XDG_RUNTIME_DIR"); dir != "" || runtime.GOOS != "linux" {
		return dir
	}
	return fmt.Sprintf("/run/user/%d", os.Getuid())
}

// firstSocket returns ep with the first socket that exists: its own, else one of the others. If none exists, it returns
// ep with its own socket.
func firstSocket(ep Endpoint, others []otherSocket) Endpoint {
	if isSocket(strings.TrimPrefix(ep.Host, "unix://")) {
		return ep
	}
	for _, s := range others {
		// A socket in a folder that is closed to this user is not for this user.
		if info, err := os.Stat(s.path); err == nil && info.Mode()&os.ModeSocket != 0 {
			ep.Host, ep.Origin = "unix://"+s.path, s.origin
			return ep
		}
		ep.looked = append(ep.looked, s.path)
	}
	return ep
}

// isSocket reports whether there is a socket at path. It is true if path can't be inspected: connecting then says why.
func isSocket(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return !os.IsNotExist(err)
	}
	return info.Mode()&os.ModeSocket != 0
}
