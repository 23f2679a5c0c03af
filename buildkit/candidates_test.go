package buildkit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// zoned is a program whose C code reads the zone of TZ.
const zoned = `package main

// #include <stdlib.h>
// #include <time.h>
// static int hour(void) { time_t t = 0; return localtime(&t)->tm_hour; }
import "C"

import "fmt"

func main() { fmt.Println("hour", C.hour()) }
`

// C code that reads time zones takes UTC without a word where there are none: who asks
// for candidates is told, until the image has some. TZ alone brings its zone.
func TestZonesOfC(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	dir := txtar(t, `
-- go.mod --
module example.com/zoned

go 1.23
-- main.go --
`+zoned)
	for _, c := range []struct {
		name      string
		config    buildkit.Config
		candidate bool
		say       string
	}{
		{"neither", buildkit.Config{}, true, ""},
		{"as before", buildkit.Config{}, true, ""},
		{"zones", buildkit.Config{Timezones: []string{"Europe/Berlin"}}, false, ""},
		{"TZ", buildkit.Config{Repo: repo + "zoned", Env: map[string]string{"TZ": "Europe/Berlin"}}, false, "hour 1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			built := mustBuild(t, dir, c.config)
			x := built.Explain()
			found := candidate(x.Candidates, "time zones")
			if (found != nil) != c.candidate || found != nil && (found.Of != "/zoned" || !strings.Contains(found.Why, "/zoned calls localtime of C") || !strings.Contains(found.Why, "Timezones")) {
				t.Errorf("the candidate is %+v", found)
			}
			if notes := strings.Join(x.Notes, "\n"); strings.Contains(notes, "zone") {
				t.Errorf("each build says %q", notes)
			}
			if c.say != "" {
				if got := inImage(t, nil, load(t, built)); got != c.say {
					t.Errorf("the program says %q, want %q", got, c.say)
				}
			}
			if err := built.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A program that opens libraries by purego puts their names together as it likes: what it
// may be said before it is tried is that somebody has to name them.
func TestPuregoNamesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config buildkit.Config
		want   bool
	}{
		{buildkit.Config{Build: config.Build{Cgo: "off"}}, true},
		{buildkit.Config{Build: config.Build{Cgo: "off"}, Libraries: []string{"libc.so.6"}}, false},
	} {
		plans, err := resolve(ownCopy(t, "purego"), nil, c.config)
		if err != nil {
			t.Fatal(err)
		}
		f, err := buildkit.DryRun(context.Background(), plans[0])
		if err != nil {
			t.Fatal(err)
		}
		found := candidate(f.Candidates, "C libraries by purego")
		if (found != nil) != c.want || found != nil && (found.Of != "/purego" || !strings.Contains(found.Why, "Libraries")) {
			t.Errorf("%q: the candidate is %+v", c.config.Libraries, found)
		}
	}
}

// candidate is the one of a name, nil for none.
func candidate(list []buildkit.Candidate, name string) *buildkit.Candidate {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}
