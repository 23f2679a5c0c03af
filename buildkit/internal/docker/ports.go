package docker

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"sort"
	"strconv"
	"strings"

	"github.com/docker/go-connections/nat"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// Publish makes a port of the container reachable on the engine's host.
type Publish struct {
	// Container is the port in the container with its protocol ("8080", "53/udp"). Default protocol: tcp.
	Container string
	// Host is the port on the engine's host ("8080"), "0" for a free one. With an address in front it is bound only there
	// ("127.0.0.1:8080", "[::1]:0"). Default: the container's port on all addresses.
	Host string
}

// Port is a published port as the engine bound it.
type Port struct {
	Container string // "8080/tcp"
	HostIP    string // address on the engine's host; "0.0.0.0" is all of them
	HostPort  string // "49153"
	// Address is the port's address as this machine reaches it ("127.0.0.1:49153"). It has a remote engine's name.
	Address string
}

// bindings returns the published ports in the form of the two API fields of a container.
func bindings(ports []Publish) (nat.PortSet, nat.PortMap, error) {
	exposed, bound := nat.PortSet{}, nat.PortMap{}
	for _, p := range ports {
		port, binding, err := p.parse()
		if err != nil {
			return nil, nil, Advise(err, "give ports like 8080 or 53/udp, published as 8080, 0 or 127.0.0.1:8080")
		}
		exposed[port] = struct{}{}
		bound[port] = append(bound[port], binding)
	}
	return exposed, bound, nil
}

// parse parses and checks a port. The engine's own error would only say "invalid port specification" about all ports.
func (p Publish) parse() (nat.Port, nat.PortBinding, error) {
	number, proto, found := strings.Cut(p.Container, "/")
	if !found {
		proto = "tcp"
	}
	if err := checkPort(number, 1); err != nil {
		return "", nat.PortBinding{}, fmt.Errorf("publishing the port %q: %w", p.Container, err)
	}
	switch proto {
	case "tcp", "udp", "sctp":
	default:
		return "", nat.PortBinding{}, fmt.Errorf("publishing the port %q: unknown protocol %q", p.Container, proto)
	}
	binding, err := parseBinding(cmp.Or(p.Host, number))
	if err != nil {
		return "", nat.PortBinding{}, fmt.Errorf("publishing the port %q as %q: %w", p.Container, p.Host, err)
	}
	return nat.Port(number + "/" + proto), binding, nil
}

// parseBinding parses "8080" or "0", with or without an address in front. In the API, "" means a free port.
func parseBinding(host string) (nat.PortBinding, error) {
	b := nat.PortBinding{HostPort: host}
	if strings.Contains(host, ":") {
		var err error
		if b.HostIP, b.HostPort, err = net.SplitHostPort(host); err != nil {
			return b, err
		}
		if net.ParseIP(b.HostIP) == nil {
			return b, fmt.Errorf("%q is not an IP address", b.HostIP)
		}
	}
	if err := checkPort(b.HostPort, 0); err != nil {
		return b, err
	}
	if b.HostPort == "0" {
		b.HostPort = ""
	}
	return b, nil
}

// checkPort accepts port numbers. It does not accept ranges, which the docker command knows.
func checkPort(s string, lowest int) error {
	if n, err := strconv.Atoi(s); err != nil || n < lowest || n > 65535 {
		return errors.New("not a port number")
	}
	return nil
}

// boundPorts lists the ports that the engine bound, in the order of container ports. A port on all IPv4 and all IPv6
// addresses is listed once.
func boundPorts(ep host.Endpoint, ports nat.PortMap) []Port {
	var list []Port
	for port, bound := range ports {
		for _, b := range bound {
			if ip := net.ParseIP(b.HostIP); ip == nil || ip.IsUnspecified() {
				b.HostIP = "0.0.0.0" // podman says ""
			}
			list = append(list, Port{Container: string(port), HostIP: b.HostIP, HostPort: b.HostPort})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].less(list[j]) })
	distinct := list[:0]
	for _, p := range list {
		p.Address = reach(ep, p)
		if n := len(distinct); n == 0 || distinct[n-1] != p {
			distinct = append(distinct, p)
		}
	}
	return distinct
}

// less orders ports by number: 80 comes before 443.
func (p Port) less(q Port) bool {
	a, b := nat.Port(p.Container), nat.Port(q.Container)
	switch {
	case a.Int() != b.Int():
		return a.Int() < b.Int()
	case p.Container != q.Container:
		return p.Container < q.Container
	case p.HostIP != q.HostIP:
		return p.HostIP < q.HostIP
	}
	return p.HostPort < q.HostPort
}

// reach returns the address of a bound port as seen from this machine.
func reach(ep host.Endpoint, p Port) string {
	host := p.HostIP
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = cmp.Or(ep.Hostname(), "127.0.0.1")
	}
	return net.JoinHostPort(host, p.HostPort)
}
