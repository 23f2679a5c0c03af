package elf

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestNeeded(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		file string
		text string
		want func([]string) bool
	}{
		"a script":  {text: "#!/bin/sh\n", want: func(n []string) bool { return n == nil }},
		"empty":     {want: func(n []string) bool { return n == nil }},
		"this test": {file: self, want: func(n []string) bool { return n == nil || strings.Contains(n[0], "/ld-") }},
		"a C program": {file: "/bin/ls", want: func(n []string) bool {
			return len(n) > 1 && strings.Contains(n[0], "/ld-") && slices.ContainsFunc(n[1:], func(s string) bool { return strings.HasPrefix(s, "libc.") })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(test.text)
			if test.file != "" {
				if text, err = os.ReadFile(test.file); err != nil {
					testkit.Skip(t, err.Error())
				}
			}
			got, err := Needed(bytes.NewReader(text), int64(len(text)))
			if err != nil || !test.want(got) {
				t.Errorf("it needs %q (%v)", got, err)
			}
		})
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Needed(bytes.NewReader(text[:100]), 100); err == nil {
		t.Errorf("half a header needs %q", got)
	}
}
