package image_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	health := func(h image.Healthcheck) func(*image.Config) {
		return func(c *image.Config) { c.Healthcheck = &h }
	}
	for _, tt := range []struct {
		name   string
		change func(*image.Config)
		want   []string
	}{
		{"no architecture", func(c *image.Config) { c.Platform.Architecture = "" }, []string{"architecture", "GOARCH"}},
		{"architecture of uname", func(c *image.Config) { c.Platform.Architecture = "x86_64" }, []string{`"x86_64"`, `"amd64"`}},
		{"platform as architecture", func(c *image.Config) { c.Platform.Architecture = "linux/amd64" }, []string{`"linux/amd64"`}},
		{"system with a capital", func(c *image.Config) { c.Platform.OS = "Linux" }, []string{`"Linux"`, `"linux"`}},
		{"variant without v", func(c *image.Config) { c.Platform.Variant = "7" }, []string{`"7"`, `"v7"`}},
		{"variant v alone", func(c *image.Config) { c.Platform.Variant = "v/8" }, []string{`"v/8"`}},
		{"empty program", func(c *image.Config) { c.Entrypoint, c.Cmd = nil, []string{"", "x"} }, []string{"program"}},
		{"argument with NUL", func(c *image.Config) { c.Cmd = []string{"a\x00"} }, []string{`"a\x00"`, "NUL"}},
		{"argument not UTF-8", func(c *image.Config) { c.Entrypoint = []string{"/\xff"} }, []string{"UTF-8"}},
		{"variable without value", func(c *image.Config) { c.Env = []string{"HOME"} }, []string{`"HOME"`, "NAME=value"}},
		{"variable without name", func(c *image.Config) { c.Env = []string{"=x"} }, []string{"NAME=value"}},
		{"variable with a space", func(c *image.Config) { c.Env = []string{"HOME =x"} }, []string{`"HOME "`, "space"}},
		{"variable twice", func(c *image.Config) { c.Env = []string{"A=1", "B=2", "A=3"} }, []string{`"A"`, "twice"}},
		{"variable with NUL", func(c *image.Config) { c.Env = []string{"A=s3cret\x00"} }, []string{`"A"`, "not text"}},
		{"user with a space", func(c *image.Config) { c.User = "web server" }, []string{`"web server"`}},
		{"user without a name", func(c *image.Config) { c.User = ":65534" }, []string{`":65534"`}},
		{"group without a name", func(c *image.Config) { c.User = "65534:" }, []string{`"65534:"`}},
		{"user with two groups", func(c *image.Config) { c.User = "1:2:3" }, []string{`"1:2:3"`}},
		{"relative working directory", func(c *image.Config) { c.Workdir = "data" }, []string{`"data"`, "absolute"}},
		{"working directory with NUL", func(c *image.Config) { c.Workdir = "/\x00" }, []string{"NUL"}},
		{"relative volume", func(c *image.Config) { c.Volumes = []string{"./data"} }, []string{`"./data"`, "absolute"}},
		{"root as volume", func(c *image.Config) { c.Volumes = []string{"/.."} }, []string{`"/.."`, "root"}},
		{"port range", func(c *image.Config) { c.Ports = []string{"80-90/tcp"} }, []string{`"80-90/tcp"`, "range", "list each"}},
		{"port published", func(c *image.Config) { c.Ports = []string{"80:8080"} }, []string{`"80:8080"`, "publish"}},
		{"port zero", func(c *image.Config) { c.Ports = []string{"0"} }, []string{`"0"`, "65535"}},
		{"port too high", func(c *image.Config) { c.Ports = []string{"65536"} }, []string{`"65536"`}},
		{"port with a sign", func(c *image.Config) { c.Ports = []string{"+80"} }, []string{`"+80"`}},
		{"port by name", func(c *image.Config) { c.Ports = []string{"http"} }, []string{`"http"`}},
		{"port of no protocol", func(c *image.Config) { c.Ports = []string{"80/"} }, []string{`"80/"`, "protocol"}},
		{"port of another protocol", func(c *image.Config) { c.Ports = []string{"80/http"} }, []string{`"80/http"`, "protocol"}},
		{"label without a name", func(c *image.Config) { c.Labels = map[string]string{"": "x"} }, []string{"label", "name"}},
		{"label not UTF-8", func(c *image.Config) { c.Labels = map[string]string{"a": "\xff"} }, []string{"label", "UTF-8"}},
		{"health check without a command", health(image.Healthcheck{}), []string{"health check", "no command"}},
		{"health check in a shell", health(image.Healthcheck{Test: []string{"CMD-SHELL", "/app -health"}}), []string{"CMD-SHELL", "shell"}},
		{"health check as one line", health(image.Healthcheck{Test: []string{"/app -health"}}), []string{`"/app -health"`, "shell"}},
		{"health check with CMD", health(image.Healthcheck{Test: []string{"CMD", "/app"}}), []string{"CMD", "begin with"}},
		{"health check NONE", health(image.Healthcheck{Test: []string{"NONE"}}), []string{"NONE", "leave"}},
		{"health check too often", health(image.Healthcheck{Test: []string{"/app"}, Interval: 30}), []string{`"/app"`, "30ns", "millisecond"}},
		{"health check before time", health(image.Healthcheck{Test: []string{"/app"}, StartPeriod: -time.Second}), []string{"-1s"}},
		{"health check retries", health(image.Healthcheck{Test: []string{"/app"}, Retries: -1}), []string{"-1"}},
		{"health check with NUL", health(image.Healthcheck{Test: []string{"/app", "\x00"}}), []string{"NUL"}},
		{"stop signal unknown", func(c *image.Config) { c.StopSignal = "SIGFOO" }, []string{`"SIGFOO"`, `"SIGINT"`}},
		{"stop signal zero", func(c *image.Config) { c.StopSignal = "0" }, []string{`"0"`}},
		{"stop signal 65", func(c *image.Config) { c.StopSignal = "65" }, []string{`"65"`}},
		{"stop signal beyond RTMIN", func(c *image.Config) { c.StopSignal = "RTMIN+16" }, []string{`"RTMIN+16"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := image.Config{Platform: image.Platform{Architecture: "amd64"}}
			tt.change(&cfg)
			_, err := image.New(cfg, []*image.Layer{layer(t, text("a", ""))})
			wantError(t, err, append(tt.want, "fix: ")...)
			if strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("error %q: want one line and one fix", err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q shows the value of a variable", err)
			}
		})
	}
}

func TestPlatformString(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]image.Platform{
		"linux/amd64":  {OS: "linux", Architecture: "amd64"},
		"linux/arm/v7": {OS: "linux", Architecture: "arm", Variant: "v7"},
	} {
		if got := p.String(); got != want {
			t.Errorf("%+v is written %q, want %q", p, got, want)
		}
	}
}

func TestStopSignalNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", "TERM": "SIGTERM", "SIGTERM": "SIGTERM", "sigusr1": "SIGUSR1", "15": "15", "64": "64",
		"RTMIN": "SIGRTMIN", "SIGRTMIN+3": "SIGRTMIN+3", "rtmax-14": "SIGRTMAX-14",
	} {
		img, err := image.New(image.Config{Platform: image.Platform{Architecture: "amd64"}, StopSignal: given},
			[]*image.Layer{layer(t, text("a", ""))})
		if err != nil {
			t.Errorf("%q: %v", given, err)
			continue
		}
		if got := img.Config().StopSignal; got != want {
			t.Errorf("%q is kept as %q, want %q", given, got, want)
		}
	}
}
