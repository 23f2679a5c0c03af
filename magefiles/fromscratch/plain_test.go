package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/listing"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/progress"
)

// hostile are names that others may give to their files, libraries and packages.
var hostile = []string{
	"\x1b[2Jx", "\x1b]0;owned\a", "x\rgood", "\u009b2J", "\x9b2J", "\u202eevil\u202c", "\u2066evil\u2069", "x\nfix: forged", "x\n\tfix: forged", "x\tfix: y\vz",
}

// What people read has no control characters of others in it, and no forged lines.
func TestHostileText(t *testing.T) {
	for _, evil := range hostile {
		entry := buildkit.EntryFacts{Path: "/" + evil, Type: "file", Reason: "needed by " + evil, Layer: "system"}
		link := buildkit.EntryFacts{Path: "/link", Type: "link", Target: evil, Reason: evil}
		candidate := buildkit.Candidate{Name: evil, Path: "/lib/" + evil, Of: evil, Why: evil}
		event := buildkit.Event{Image: "app " + evil, Step: "base", State: buildkit.Underway, Text: evil}
		_, notThere := os.Open("/nowhere/" + evil)
		for _, tt := range []struct {
			name  string
			lines int // number of lines of the text; 0 is any
			write func(w *bytes.Buffer) error
		}{
			{"progress", 0, func(w *bytes.Buffer) error {
				p := progress.Plain(w)
				event.State = buildkit.Done
				p.Report(event)
				event.State = buildkit.Note
				p.Report(event)
				return nil
			}},
			{"live progress", 0, func(w *bytes.Buffer) error {
				progress.Live(w, func() int { return 0 }).Report(event)
				return nil
			}},
			{"tree", 6, func(w *bytes.Buffer) error {
				return listing.Tree(w, buildkit.Explanation{Reference: "app:1", Base: evil, Entries: []buildkit.EntryFacts{entry, link}, Candidates: []buildkit.Candidate{candidate}})
			}},
			{"chain", 2, func(w *bytes.Buffer) error { return listing.Chain(w, []buildkit.EntryFacts{entry, link}) }},
			{"JSON", 0, func(w *bytes.Buffer) error { return listing.JSON(w, []buildkit.EntryFacts{entry, link}) }},
			{"plan", 1, func(w *bytes.Buffer) error {
				return listing.Values(w, []buildkit.Value{{Name: "base", Value: evil, Origin: evil}})
			}},
			{"error of a path", 1, func(w *bytes.Buffer) error {
				_, err := fmt.Fprintln(w, failed(1, fmt.Errorf("reading: %w", notThere)).Error)
				return err
			}},
			{"error", 0, func(w *bytes.Buffer) error {
				_, err := fmt.Fprint(w, failed(1, errors.New("compiling:\nmain.go:1: "+evil)).Error)
				return err
			}},
		} {
			var b bytes.Buffer
			if err := tt.write(&b); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			bad := func(r rune) bool {
				return r != '\n' && r != '\t' && r != ' ' && !unicode.IsPrint(r) || r == '\ufffd' && tt.name != "JSON"
			}
			if slices.ContainsFunc([]rune(text), bad) {
				t.Errorf("%s of %q: a control character is in %q", tt.name, evil, text)
			}
			if n := strings.Count(text, "\n"); tt.lines > 0 && n != tt.lines {
				t.Errorf("%s of %q: %d lines, want %d:\n%s", tt.name, evil, n, tt.lines, text)
			}
		}
	}
}

// The lines of a compiler's error are kept.
func TestErrorOfSeveralLines(t *testing.T) {
	const text = "compiling \"./app\": exit status 1\n./main.go:5:2: undefined: oops\n\thave (int)\n\twant ()"
	if got := failed(1, errors.New(text)).Error; got != text {
		t.Errorf("got %q, want %q", got, text)
	}
}
