package report

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

var someEvents = []Event{
	{Kind: Started, Run: 1, Modified: time.Unix(1700000000, 123456789)},
	{Kind: Exited, Run: 1, Code: 2},
	{Kind: Exited, Run: 12, Code: 139, Signal: 11},
	{Kind: Stopped, Run: 13, Code: 143, Signal: 15},
	{Kind: Failed, Run: 14, Reason: `executing "/a b": no such file or directory`},
}

func TestLine(t *testing.T) {
	want := []string{
		"started 1 1700000000123456789", "exited 1 2 0", "exited 12 139 11", "stopped 13 143 15",
		`failed 14 executing "/a b": no such file or directory`,
	}
	for i, e := range someEvents {
		if got := e.Line(""); got != mark+want[i]+"\n" {
			t.Errorf("%q, want %q", got, want[i])
		}
	}
}

// word is the word of the reports in these tests.
const word = "QWERTZ"

// collect writes the parts and returns the program's text and the events.
func collect(t *testing.T, parts ...string) (text string, events []Event) {
	t.Helper()
	var out bytes.Buffer
	s := Splitter{Word: word, Program: &out, Event: func(e Event) { events = append(events, e) }}
	for _, p := range parts {
		if n, err := s.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatalf("wrote %d of %d, %v", n, len(p), err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String(), events
}

// Wherever the stream is cut in two, the result is the same.
func TestSplitterCuts(t *testing.T) {
	var stream, text string
	mark := markOf(word)
	for i, e := range someEvents {
		between := []string{"line\n", "half a line", "\x1e", mark + "nonsense\n", "\x1efromscratch"}[i]
		stream += between + e.Line(word)
		text += between
	}
	for i := range stream {
		got, events := collect(t, stream[:i], stream[i:])
		if got != text || !reflect.DeepEqual(events, someEvents) {
			t.Fatalf("cut at %d: %q, %+v", i, got, events)
		}
	}
	if got, events := collect(t, strings.Split(stream, "")...); got != text || len(events) != len(someEvents) {
		t.Errorf("byte for byte: %q, %+v", got, events)
	}
}

func TestSplitterText(t *testing.T) {
	cases := []struct{ name, text string }{
		{"a report without a word", "GET /?q=" + someEvents[1].Line("")},
		{"a report with another word", "GET /?q=" + someEvents[1].Line("qwertz")},
		{"a report with a part of the word", someEvents[1].Line(word[:3])},
		{"a report with a longer word", someEvents[1].Line(word + word)},
		{"nothing", ""},
		{"plain", "a\nb"},
		{"another record", "\x1efromscratched\n"},
		{"unknown kind", mark + "jumped 1 2 0\n"},
		{"no number", mark + "exited one 2 0\n"},
		{"no code", mark + "exited 1\n"},
		{"no time", mark + "started 1 now\n"},
		{"endless", mark + strings.Repeat("x", 2*lineLimit)},
		{"marks", strings.Repeat(mark, 1000)},
		{"unfinished", mark + "exited 1 2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, events := collect(t, c.text); got != c.text || len(events) > 0 {
				t.Errorf("%.200q, %+v", got, events)
			}
		})
	}
}

// The program's text is passed on before its line ends.
func TestSplitterAtOnce(t *testing.T) {
	var out bytes.Buffer
	s := Splitter{Program: &out, Event: func(Event) {}}
	io.WriteString(&s, "progress 10%")
	if out.String() != "progress 10%" {
		t.Errorf("%q", out.String())
	}
}

func TestSplitterBroken(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	s := Splitter{Program: w, Event: func(Event) {}}
	if _, err := io.WriteString(&s, "text"); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}
