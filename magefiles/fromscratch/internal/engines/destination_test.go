package engines

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/settings"
)

// An archive replaces an image in the engine only if no engine is chosen and none is found. This machine's platform is
// used only if no engine is chosen.
func TestArchives(t *testing.T) {
	absent := fmt.Errorf("connecting: %w", &host.UnreachableError{Absent: true, Err: errors.New("no such file")})
	refused := fmt.Errorf("connecting: %w", &host.UnreachableError{Err: errors.New("connection refused")})
	chosen := fmt.Errorf("connecting: %w", &host.UnreachableError{Chosen: true, Err: errors.New("no such file")})
	for _, tt := range []struct {
		to      settings.Kind
		why     error
		unknown bool
	}{
		{settings.Auto, absent, false}, {settings.Auto, refused, false}, {settings.Auto, chosen, true},
		{settings.Docker, absent, true}, {settings.Docker, chosen, true}, {settings.Cluster, refused, true}, {settings.Archive, nil, false},
	} {
		if err := (Destination{Kind: tt.to, Missing: tt.why}).unknownPlatform(); (err != nil) != tt.unknown {
			t.Errorf("%s, %v: got %v, want an error: %t", tt.to, tt.why, err, tt.unknown)
		}
	}
	for _, tt := range []struct {
		to    settings.Kind
		why   error
		wants bool
	}{
		{settings.Auto, absent, true}, {settings.Auto, refused, false}, {settings.Auto, errors.New("other"), false},
		{settings.Docker, absent, false}, {settings.Docker, refused, false},
		{settings.Cluster, absent, false}, {settings.Archive, nil, true},
	} {
		if got := (Destination{Kind: tt.to, Missing: tt.why}).archives(); got != tt.wants {
			t.Errorf("%s, %v: got %t, want %t", tt.to, tt.why, got, tt.wants)
		}
	}
}
