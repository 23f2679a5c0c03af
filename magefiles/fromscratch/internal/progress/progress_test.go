package progress

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

var events = []buildkit.Event{
	{Image: "app", Step: "compile", State: buildkit.Started, Text: "./app"},
	{Image: "app", Step: "compile", State: buildkit.Done, Text: "linux/amd64", Took: 1500 * time.Millisecond},
	{Image: "app", Step: "docker", State: buildkit.Started, Text: "loading"},
	{Image: "app", Step: "docker", State: buildkit.Failed, Text: "loading", Took: time.Second},
}

// Without a terminal, every step has one plain line.
func TestProgressPlain(t *testing.T) {
	var b strings.Builder
	p := Plain(&b)
	for _, e := range events {
		p.Report(e)
	}
	p.Close()
	if want := "app  compile    linux/amd64  (1.50s)\napp  docker     failed  (1.00s)\n"; b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Without a terminal, a long step has a line from time to time, for each image separately.
func TestProgressUnderway(t *testing.T) {
	var b strings.Builder
	p, now := Plain(&b), time.Unix(0, 0)
	p.now = func() time.Time { return now }
	for s := range 31 {
		now = time.Unix(int64(s), 0)
		p.Report(buildkit.Event{Image: "web", Step: "push", State: buildkit.Underway, Text: fmt.Sprintf("%d of 30", s)})
		if s >= 15 && s <= 20 {
			p.Report(buildkit.Event{Image: "app", Step: "push", State: buildkit.Underway, Text: "soon"})
		}
	}
	p.Report(buildkit.Event{Image: "web", Step: "push", State: buildkit.Done, Text: "pushed", Took: 30 * time.Second})
	p.Report(buildkit.Event{Image: "web", Step: "push", State: buildkit.Underway, Text: "another push"})
	want := "web  push       10 of 30\nweb  push       20 of 30\nweb  push       30 of 30\nweb  push       pushed  (30.00s)\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// On a terminal, the result of a step overwrites its live line, and the last line is ended.
func TestProgressLive(t *testing.T) {
	var b strings.Builder
	p := Live(&b, func() int { return 0 })
	for _, e := range events {
		p.Report(e)
	}
	p.Report(buildkit.Event{Image: "app", Step: "run", State: buildkit.Started, Text: "waiting"})
	p.Close()
	want := "app  compile    ./app …\r\x1b[Kapp  compile    linux/amd64  (1.50s)\n" +
		"app  docker     loading …\r\x1b[Kapp  docker     failed  (1.00s)\n" +
		"app  run        waiting …\n"
	if b.String() != want {
		t.Errorf("got\n%q\nwant\n%q", b.String(), want)
	}
}

// A file and the null device are not terminals.
func TestProgressOfAFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{file, null} {
		if p := New(f, func(string) string { return "" }); p.live || p.bold {
			t.Errorf("%s is taken for a terminal", f.Name())
		}
		if err := errors.Join(f.Close()); err != nil {
			t.Error(err)
		}
	}
}

// A live line is cut to the width of the terminal, because a wrapped line cannot be overwritten.
func TestLiveLineIsCut(t *testing.T) {
	for _, tt := range []struct {
		name  string
		text  string
		width int
		want  string
	}{
		{"narrow", "resolving libraries in /", 30, "app  libraries  resolving l …"},
		{"wide enough", "resolving", 80, "app  libraries  resolving …"},
		{"unknown width", "resolving libraries in /usr/lib/x86_64-linux-gnu", 0, "app  libraries  resolving libraries in /usr/lib/x86_64-linux-gnu …"},
		{"wide letters", "世界世界世界世界", 30, "app  libraries  世界世界世 …"},
		{"combining marks", "re\u0301solving", 27, "app  libraries  re\u0301solvin …"},
		{"very narrow", "resolving", 4, "a …"},
		{"line break in the text", "a\nb", 80, `app  libraries  a\nb …`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			p := Live(&b, func() int { return tt.width })
			p.Report(buildkit.Event{Image: "app", Step: "libraries", State: buildkit.Started, Text: tt.text})
			if b.String() != tt.want {
				t.Errorf("got %q, want %q", b.String(), tt.want)
			}
			b.Reset()
			p.Report(buildkit.Event{Image: "app", Step: "libraries", State: buildkit.Done, Text: strings.Repeat("x", 100)})
			if !strings.Contains(b.String(), strings.Repeat("x", 100)) {
				t.Errorf("the final line is cut: %q", b.String())
			}
		})
	}
}
