package docker

import (
	"reflect"
	"strings"
	"testing"

	"github.com/docker/go-connections/nat"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

func TestPublishParse(t *testing.T) {
	t.Parallel()
	cases := []struct {
		container, host string
		port            nat.Port
		binding         nat.PortBinding
		err             string
	}{
		{container: "8080", port: "8080/tcp", binding: nat.PortBinding{HostPort: "8080"}},
		{container: "53/udp", port: "53/udp", binding: nat.PortBinding{HostPort: "53"}},
		{container: "8080", host: "80", port: "8080/tcp", binding: nat.PortBinding{HostPort: "80"}},
		{container: "8080", host: "0", port: "8080/tcp", binding: nat.PortBinding{}},
		{container: "8080", host: "127.0.0.1:0", port: "8080/tcp", binding: nat.PortBinding{HostIP: "127.0.0.1"}},
		{container: "8080/tcp", host: "[::1]:81", port: "8080/tcp", binding: nat.PortBinding{HostIP: "::1", HostPort: "81"}},
		{container: "", err: "not a port number"},
		{container: "0", err: "not a port number"},
		{container: "65536", err: "not a port number"},
		{container: "80/http", err: `unknown protocol "http"`},
		{container: "80", host: "x", err: "not a port number"},
		{container: "80", host: "localhost:80", err: `"localhost" is not an IP address`},
		{container: "80", host: "127.0.0.1:", err: "not a port number"},
		{container: "80", host: "::1:80", err: "too many colons"},
	}
	for _, c := range cases {
		t.Run(c.container+" as "+c.host, func(t *testing.T) {
			port, binding, err := Publish{c.container, c.host}.parse()
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil || port != c.port || binding != c.binding {
				t.Errorf("%v %+v, %v", port, binding, err)
			}
		})
	}
}

func TestBoundPorts(t *testing.T) {
	t.Parallel()
	bound := nat.PortMap{
		"9000/tcp": {{HostIP: "", HostPort: "9000"}}, // podman
		"443/tcp":  {{HostIP: "192.0.2.1", HostPort: "443"}, {HostIP: "::1", HostPort: "443"}},
		"80/tcp":   {{HostIP: "0.0.0.0", HostPort: "32768"}, {HostIP: "::", HostPort: "32768"}}, // dockerd: one per family
		"81/tcp":   nil,                                                                         // exposed, not published
		"53/udp":   {{HostIP: "0.0.0.0", HostPort: "53"}},
	}
	want := func(host string) []Port {
		return []Port{
			{"53/udp", "0.0.0.0", "53", host + ":53"},
			{"80/tcp", "0.0.0.0", "32768", host + ":32768"},
			{"443/tcp", "192.0.2.1", "443", "192.0.2.1:443"},
			{"443/tcp", "::1", "443", "[::1]:443"},
			{"9000/tcp", "0.0.0.0", "9000", host + ":9000"},
		}
	}
	for address, reached := range map[string]string{
		"unix:///var/run/docker.sock":  "127.0.0.1",
		"npipe:////./pipe/docker":      "127.0.0.1",
		"tcp://engine.example:2376":    "engine.example",
		"ssh://me@engine.example:22/s": "engine.example",
	} {
		if got := boundPorts(host.Endpoint{Host: address}, bound); !reflect.DeepEqual(got, want(reached)) {
			t.Errorf("%s: %+v", address, got)
		}
	}
}
