package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A Probe becomes a command of the image; with Test beside it nobody knows which one is meant.
func TestHealthcheck(t *testing.T) {
	t.Parallel()
	h, err := healthcheck(&config.Healthcheck{Probe: config.GRPCProbe("shop", 9000).Probe, Interval: time.Second})
	if want := []string{"/usr/lib/fromscratch/probe", "grpc", "9000", "shop"}; err != nil || !slices.Equal(h.Test, want) || h.Interval != time.Second {
		t.Errorf("%+v, %v; want the command %q", h, err, want)
	}
	for want, wrong := range map[string]*config.Healthcheck{
		"has Test and Probe": {Test: []string{"/a"}, Probe: config.TCPProbe(80).Probe},
		"has no port":        config.HTTPProbe("/", 0),
	} {
		if _, err := healthcheck(wrong); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nfix: ") {
			t.Errorf("%+v: %v, want an error with %q", wrong, err, want)
		}
	}
	if h, err := healthcheck(nil); h != nil || err != nil {
		t.Errorf("without a health check: %v, %v", h, err)
	}
}
