package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// An archive instead of an image in the engine is right only where no engine is chosen or there.
func TestArchives(t *testing.T) {
	absent := fmt.Errorf("connecting: %w", &docker.UnreachableError{Absent: true, Err: errors.New("no such file")})
	refused := fmt.Errorf("connecting: %w", &docker.UnreachableError{Err: errors.New("connection refused")})
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
