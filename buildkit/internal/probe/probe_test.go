package probe

import (
	"slices"
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	for address, want := range map[string]string{
		"http://:8080/healthz":       "http 8080 /healthz",
		"http://localhost:80":        "http 80 /",
		"http://:80/a%20b?c=d&e":     "http 80 /a%20b?c=d&e",
		"tcp://:5432":                "tcp 5432",
		"grpc://:9000":               "grpc 9000",
		"grpc://:9000/acme.v1.Shop":  "grpc 9000 acme.v1.Shop",
		"http://:0/":                 "error: no port",
		"http://:65536/":             "error: no port",
		"http:///healthz":            "error: no port",
		"http://:8080healthz":        "error: no address",
		"http://db:80/":              `error: the host "db"`,
		"http://u:p@localhost:80/":   "error: no address",
		"https://:443/":              `error: does not know "https"`,
		"tcp://:80/path":             "error: has no path",
		"grpc://:80/a b":             "error: not the name of a service",
		"http://:80/a\r\nHost: x":    "error: no address",
		"http://:80/?a=\x7f\u00e4 b": "error: ",
	} {
		got, err := Arguments(address)
		if part, fails := strings.CutPrefix(want, "error: "); fails {
			if err == nil || !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), "\nfix: ") {
				t.Errorf("%q: %q, %v; want an error with %q", address, got, err, part)
			}
			continue
		}
		if err != nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q: %q, %v; want %q", address, got, err, want)
		}
	}
}
