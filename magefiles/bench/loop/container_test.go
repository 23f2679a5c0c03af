package main

import (
	"strings"
	"testing"
)

func TestFrames(t *testing.T) {
	got, err := frames(strings.NewReader("\x01\x00\x00\x00\x00\x00\x00\x02ab\x01\x00\x00\x00\x00\x00\x00\x01c"))
	if err != nil || string(got) != "abc" {
		t.Errorf("the stream has %q (%v), want abc", got, err)
	}
	if _, err := frames(strings.NewReader("\x01\x00\x00\x00\x00\x00\x00\x02a")); err == nil {
		t.Error("half a frame is accepted")
	}
}
