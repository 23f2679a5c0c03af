package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
)

// An archive replaces an image in the engine only if no engine is chosen and none is found. This machine's platform is
// used only if no engine is chosen.
func TestArchives(t *testing.T) {
	absent := fmt.Errorf("connecting: %w", &host.UnreachableError{Absent: true, Err: errors.New("no such file")})
	refused := fmt.Errorf("connecting: %w", &host.UnreachableError{Err: errors.New("connection refused")})
	chosen := fmt.Errorf("connecting: %w", &host.UnreachableError{Chosen: true, Err: errors.New("no such file")})
	for _, tt := range []struct {
		to      output
		why     error
		unknown bool
	}{
		{outputAuto, absent, false}, {outputAuto, refused, false}, {outputAuto, chosen, true},
		{outputDocker, absent, true}, {outputDocker, chosen, true}, {outputKind, refused, true}, {outputArchive, nil, false},
	} {
		if err := tt.to.unknownPlatform(tt.why); (err != nil) != tt.unknown {
			t.Errorf("%s, %v: got %v, want an error: %t", tt.to, tt.why, err, tt.unknown)
		}
	}
	for _, tt := range []struct {
		to    output
		why   error
		wants bool
	}{
		{outputAuto, absent, true}, {outputAuto, refused, false}, {outputAuto, errors.New("other"), false},
		{outputDocker, absent, false}, {outputDocker, refused, false},
		{outputKind, absent, false}, {outputArchive, nil, true},
	} {
		if got := tt.to.archives(tt.why); got != tt.wants {
			t.Errorf("%s, %v: got %t, want %t", tt.to, tt.why, got, tt.wants)
		}
	}
}
