package engines

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// An archive replaces an image in the engine only if no engine is chosen and none is found. This machine's platform is
// used only if no engine is chosen.
func TestArchives(t *testing.T) {
	absent := fmt.Errorf("connecting: %w", &host.UnreachableError{Absent: true, Err: errors.New("no such file")})
	refused := fmt.Errorf("connecting: %w", &host.UnreachableError{Err: errors.New("connection refused")})
	chosen := fmt.Errorf("connecting: %w", &host.UnreachableError{Chosen: true, Err: errors.New("no such file")})
	for _, tt := range []struct {
		to      kindOf
		why     error
		unknown bool
	}{
		{auto, absent, false}, {auto, refused, false}, {auto, chosen, true},
		{inEngine, absent, true}, {inEngine, chosen, true}, {inCluster, refused, true}, {inArchive, nil, false},
	} {
		if err := (Destination{kind: tt.to, Missing: tt.why}).unknownPlatform(); (err != nil) != tt.unknown {
			t.Errorf("%s, %v: got %v, want an error: %t", tt.to, tt.why, err, tt.unknown)
		}
	}
	for _, tt := range []struct {
		to    kindOf
		why   error
		wants bool
	}{
		{auto, absent, true}, {auto, refused, false}, {auto, errors.New("other"), false},
		{inEngine, absent, false}, {inEngine, refused, false},
		{inCluster, absent, false}, {inArchive, nil, true},
	} {
		if got := (Destination{kind: tt.to, Missing: tt.why}).archives(); got != tt.wants {
			t.Errorf("%s, %v: got %t, want %t", tt.to, tt.why, got, tt.wants)
		}
	}
}
