// Package probe has the source of the program that a health check of an image starts, see its folder program, and reads the words of a
// Config for it. In comes the address of what is asked, out come the program's arguments.
package probe

import (
	"embed"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/embedded"
)

// Path is where the program is in an image.
const Path = "/usr/lib/fromscratch/probe"

//go:embed program/main.go program/connect.go program/http.go program/grpc.go
var files embed.FS

// Program is the source.
var Program = embedded.Program{Name: "probe", Module: "github.com/fromscratch-go/fromscratch/buildkit/internal/probe", Main: "program", Files: files}

// Arguments returns the arguments for an address: "http://:8080/healthz", "tcp://:5432", "grpc://:9000/SERVICE".
func Arguments(address string) ([]string, error) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return nil, wrong(address, "it is no address")
	}
	if host := u.Hostname(); host != "" && host != "localhost" {
		return nil, wrong(address, fmt.Sprintf("it names the host %q, and the probe asks the program in its own container", host))
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return nil, wrong(address, "it has no port from 1 to 65535")
	}
	number, path := strconv.FormatUint(port, 10), u.EscapedPath()
	switch u.Scheme {
	case "http":
		if u.RawQuery != "" {
			path += "?" + u.RawQuery
		}
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return nil, wrong(address, "its path has a character that must be escaped")
		}
		return []string{"http", number, path}, nil
	case "tcp":
		if path != "" || u.RawQuery != "" {
			return nil, wrong(address, "a connection has no path")
		}
		return []string{"tcp", number}, nil
	case "grpc":
		service := strings.TrimPrefix(u.Path, "/")
		if len(service) > 1024 || u.RawQuery != "" || strings.ContainsFunc(service, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return nil, wrong(address, "its path is not the name of a service")
		}
		if service == "" {
			return []string{"grpc", number}, nil
		}
		return []string{"grpc", number, service}, nil
	}
	return nil, wrong(address, fmt.Sprintf("the probe does not know %q", u.Scheme))
}

func wrong(address, why string) error {
	return fmt.Errorf("the Healthcheck has the Probe %q: %s\nfix: write it like \"http://:8080/healthz\", \"tcp://:5432\" or \"grpc://:9000\"; for a program that speaks TLS alone take tcp", address, why)
}
