package main

import "testing"

func TestAnyHasPrefix(t *testing.T) {
	for name, want := range map[string]bool{
		"fromscratch-bench-hello-ko:latest":                   true,
		"/fromscratch-bench-check":                            true,
		"localhost/fromscratch-bench-hello-floor:latest":      true,
		"docker.io/library/fromscratch-bench-many1-00:latest": true,
		"hello:latest": false,
		"example.com/fromscratch-bench-of-another": false,
		"fromscratch-benchmark":                    false,
		"":                                         false,
	} {
		if got := anyHasPrefix([]string{"other", name}, prefix); got != want {
			t.Errorf("anyHasPrefix(%q) = %t, want %t", name, got, want)
		}
	}
}
