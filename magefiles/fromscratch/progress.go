package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// progress writes the events of a build to stderr. On a terminal, the current step has a
// live line, which its result overwrites. Elsewhere, each step has a line when it has
// ended, and one every tellEvery while it takes long.
type progress struct {
	mu   sync.Mutex // several images may be built at once
	w    io.Writer
	live bool // w is a terminal, so live lines can be overwritten
	bold bool // escape sequences for bold and colour may be used
	open bool // a live line is on the screen, without its line end

	width func() int // columns of the terminal, 0 for unknown

	now  func() time.Time
	last map[string]time.Time // time of the last line of a step that is under way, by image and step
}

// underwayEvery is the time between lines about a step under way, elsewhere than on a terminal.
const underwayEvery = 10 * time.Second

// newProgress returns the progress for f, live if f is a terminal. NO_COLOR
// (https://no-color.org) switches colour off, and a dumb terminal also live lines.
func newProgress(f *os.File, getenv func(string) string) *progress {
	live := isTerminal(f) && getenv("TERM") != "dumb"
	return &progress{w: f, width: func() int { return columns(f) }, live: live, bold: live && getenv("NO_COLOR") == "", now: time.Now, last: map[string]time.Time{}}
}

// isTerminal reports whether f is a character device other than the null device. The
// standard library has no better test for a terminal.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// report writes an event. It is a buildkit.Report.
func (p *progress) report(e buildkit.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := e.Image + "\x00" + e.Step
	if e.State != buildkit.Underway {
		delete(p.last, key)
	}
	switch e.State {
	case buildkit.Started, buildkit.Underway:
		switch {
		case p.live:
			p.liveLine(e.Image, e.Step, e.Text)
		case e.State == buildkit.Underway && p.due(key):
			p.line(e.Image, e.Step, e.Text, "\n")
		}
	case buildkit.Done:
		p.line(e.Image, e.Step, e.Text+"  "+took(e.Took), "\n")
	case buildkit.Failed:
		p.write(e.Image, e.Step, p.style("31", "failed")+"  "+took(e.Took), "\n")
	case buildkit.Note:
		p.line(e.Image, e.Step, e.Text, "\n")
	}
}

// due reports whether it is time for a line about a step under way. There is none for the
// first event of a step, because most steps end soon after it.
func (p *progress) due(key string) bool {
	now := p.now()
	last, known := p.last[key]
	if known && now.Sub(last) < underwayEvery {
		return false
	}
	p.last[key] = now
	return known
}

// line writes a line, over the live line if there is one. It makes the text safe to
// print. It writes once, because others may write to the same terminal.
func (p *progress) line(image, step, text, end string) {
	p.write(image, step, strings.ReplaceAll(plaintext.Shorten(plaintext.HideLogins(plaintext.Lines(text))), "\n", "\n\t"), end)
}

// write is line for a text that is safe to print.
func (p *progress) write(image, step, text, end string) {
	fmt.Fprintf(p.w, "%s%s  %-9s  %s%s", p.erase(), p.style("1", plaintext.Field(image)), plaintext.Field(step), text, end)
}

// liveLine writes the line of the current step, cut to the width of the terminal: of a
// line that wraps, only the last row could be overwritten.
func (p *progress) liveLine(image, step, text string) {
	image = plaintext.Field(image)
	line := fmt.Sprintf("%s  %-9s  %s", image, plaintext.Field(step), plaintext.Field(plaintext.HideLogins(text)))
	line = cutLine(line, " …", p.width())
	fmt.Fprint(p.w, p.erase(), styleStart(line, image, func(s string) string { return p.style("1", s) }))
	p.open = true
}

// erase returns the escape sequence that removes the live line, or "" if there is none.
func (p *progress) erase() string {
	if !p.open {
		return ""
	}
	p.open = false
	return "\r\x1b[K"
}

// programWriter returns a writer for the output of a program that runs while progress is
// written. Each line begins with the prefix.
func (p *progress) programWriter(w io.Writer, prefix string) io.Writer {
	return &programWriter{progress: p, w: w, prefix: prefix, fresh: true}
}

type programWriter struct {
	*progress
	w      io.Writer
	prefix string
	fresh  bool // whether the next byte begins a line
}

// Write removes the live line, if there is one. The next event writes another.
func (b *programWriter) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		fmt.Fprint(b.progress.w, "\r\x1b[K")
		b.open = false
	}
	if b.prefix == "" {
		return b.w.Write(text)
	}
	var out bytes.Buffer
	for _, line := range bytes.SplitAfter(text, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		if b.fresh {
			out.WriteString(b.prefix)
		}
		out.Write(line)
		b.fresh = line[len(line)-1] == '\n'
	}
	_, err := b.w.Write(out.Bytes())
	return len(text), err
}

// close ends the live line, if there is one.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		fmt.Fprintln(p.w)
		p.open = false
	}
}

// style returns text with the escape sequence code, if that may be used.
func (p *progress) style(code, text string) string {
	if !p.bold {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// took formats a duration in seconds.
func took(d time.Duration) string { return fmt.Sprintf("(%.2fs)", d.Seconds()) }
