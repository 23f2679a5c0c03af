package buildkit_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
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

// C code that reads time zones silently takes UTC where there are none: the program's own C code brings all zones, and a note says so.
// Timezones and TZ choose.
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
		name   string
		config buildkit.Config
		note   bool
		files  []string
		say    string
	}{
		{"neither", buildkit.Config{}, true, []string{"Europe/Berlin", "Asia/Tokyo"}, ""},
		{"as before", buildkit.Config{}, true, []string{"Europe/Berlin", "Asia/Tokyo"}, ""},
		{"zones", buildkit.Config{Timezones: []string{"Europe/Berlin"}}, false, []string{"Europe/Berlin"}, ""},
		{"TZ", buildkit.Config{Repo: repo + "zoned", Env: map[string]string{"TZ": "Europe/Berlin"}}, true, []string{"Europe/Berlin", "Asia/Tokyo"}, "hour 1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			built := mustBuild(t, dir, c.config)
			x := built.Explain()
			if found := candidate(x.Candidates, "time zones"); found != nil {
				t.Errorf("a candidate is %+v", found)
			}
			notes := strings.Join(x.Notes, "\n")
			if want := "kB, because localtime of C is imported by the program; fewer if Timezones names some"; strings.Contains(notes, want) != c.note || strings.Contains(notes, "zone") != c.note {
				t.Errorf("the notes are %q", notes)
			}
			for _, zone := range []string{"Europe/Berlin", "Asia/Tokyo"} {
				e, ok := built.Tree.Lookup("/usr/share/zoneinfo/" + zone)
				if ok != slices.Contains(c.files, zone) || ok && c.note && !strings.Contains(e.Reason, "localtime of C is imported") && zone == "Asia/Tokyo" {
					t.Errorf("%s is there: %t, because %q", zone, ok, e.Reason)
				}
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

// A library that the program itself names is in the image, with a note, and the program finds it there. Exclude leaves it out.
func TestNamedByProgram(t *testing.T) {
	t.Parallel()
	dir := ownCopy(t, "purego")
	const sqlite = "libsqlite3.so.0 is added, "
	off := config.Build{Cgo: "off"}
	for _, c := range []struct {
		name   string
		config buildkit.Config
		note   bool
		say    string
	}{
		{"named", buildkit.Config{Build: off, Repo: repo + "purego-named"}, true, "sqlite 3 threadsafe 1\n"},
		{"as before", buildkit.Config{Build: off}, true, ""},
		{"excluded", buildkit.Config{Build: off, Exclude: []string{"libsqlite3.so.0"}}, false, ""},
		{"group excluded", buildkit.Config{Build: off, Exclude: []string{"named"}}, false, ""},
		{"no plugins", buildkit.Config{Build: off, Plugins: []string{"none"}}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			built := mustBuild(t, dir, c.config)
			x := built.Explain()
			notes := strings.Join(x.Notes, "\n")
			if strings.Contains(notes, sqlite) != c.note || c.note && !strings.Contains(notes, "/purego names it and opens libraries; Exclude") {
				t.Errorf("the notes are %q", notes)
			}
			// Of a program that names a library, no warning says that it may put names together.
			if strings.Contains(notes, "not in the image: C libraries by purego") == c.note {
				t.Errorf("the notes are %q", notes)
			}
			if idle := strings.Contains(notes, "excludes nothing"); idle {
				t.Errorf("the notes are %q", notes)
			}
			if _, ok := built.Tree.Lookup("/usr/lib/x86_64-linux-gnu/libsqlite3.so.0"); ok != c.note {
				t.Errorf("the library is there: %t", ok)
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
	// A program that names another library next time is not taken for the same.
	main := filepath.Join(dir, "main.go")
	text, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(main, bytes.ReplaceAll(text, []byte("libsqlite3.so.0"), []byte("libz.so.1")), 0o644); err != nil {
		t.Fatal(err)
	}
	built := mustBuild(t, dir, buildkit.Config{Build: off})
	if notes := strings.Join(built.Explain().Notes, "\n"); strings.Contains(notes, sqlite) || !strings.Contains(notes, "libz.so.1 is added, ") {
		t.Errorf("the notes are %q", notes)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
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
