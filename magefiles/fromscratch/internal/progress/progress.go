// Package progress writes the events of a build to a terminal or to a log.
//
// It takes events from the build and the output of programs that run meanwhile, and
// writes lines that are safe to print.
package progress

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Progress writes the events of a build to a file. On a terminal, the current step has a
// live line, which its result overwrites. Elsewhere, each step has a line when it has
// ended, and a long step also has one every underwayEvery.
type Progress struct {
	mu   sync.Mutex // several images may be built at once
	w    io.Writer
	live bool // w is a terminal, so live lines can be overwritten
	bold bool // escape sequences for bold and colour may be used
	open bool // a live line is on the screen, without its line end

	width func() int // columns of the terminal, 0 for unknown; nil unless live

	now  func() time.Time
	last map[string]time.Time // time of the last line of a step that is under way, by image and step
}

// underwayEvery is the time between lines about a step under way, elsewhere than on a terminal.
const underwayEvery = 10 * time.Second

// New returns the progress for f, live if f is a terminal. NO_COLOR
// (https://no-color.org) switches colour off, and a dumb terminal also live lines.
func New(f *os.File, getenv func(string) string) *Progress {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) || getenv("TERM") == "dumb" {
		return Plain(f)
	}
	p := Live(f, func() int {
		columns, _, _ := term.GetSize(fd) // 0 after an error
		return columns
	})
	p.bold = getenv("NO_COLOR") == ""
	return p
}

// Plain returns the progress for a writer that is not a terminal.
func Plain(w io.Writer) *Progress {
	return &Progress{w: w, now: time.Now, last: map[string]time.Time{}}
}

// Live returns the progress for a terminal without colours. width returns its columns, 0 for unknown.
func Live(w io.Writer, width func() int) *Progress {
	p := Plain(w)
	p.live, p.width = true, width
	return p
}

// Report writes an event. It is a [buildkit.Report].
func (p *Progress) Report(e buildkit.Event) {
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
func (p *Progress) due(key string) bool {
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
func (p *Progress) line(image, step, text, end string) {
	p.write(image, step, strings.ReplaceAll(plaintext.Shorten(plaintext.HideLogins(plaintext.Lines(text))), "\n", "\n\t"), end)
}

// write is line for a text that is safe to print.
func (p *Progress) write(image, step, text, end string) {
	fmt.Fprintf(p.w, "%s%s  %-9s  %s%s", p.erase(), p.style("1", plaintext.Field(image)), plaintext.Field(step), text, end)
}

// liveLine writes the line of the current step, cut to the width of the terminal: of a
// line that wraps, only the last row could be overwritten.
func (p *Progress) liveLine(image, step, text string) {
	image = plaintext.Field(image)
	line := fmt.Sprintf("%s  %-9s  %s", image, plaintext.Field(step), plaintext.Field(plaintext.HideLogins(text)))
	line = cutLine(line, " …", p.width())
	fmt.Fprint(p.w, p.erase(), styleStart(line, image, func(s string) string { return p.style("1", s) }))
	p.open = true
}

// erase returns the escape sequence that removes the live line, or "" if there is none.
func (p *Progress) erase() string {
	if !p.open {
		return ""
	}
	p.open = false
	return "\r\x1b[K"
}

// ProgramWriter returns a writer for the output of a program that runs while progress is
// written. Each line begins with the prefix.
func (p *Progress) ProgramWriter(w io.Writer, prefix string) io.Writer {
	return &programWriter{progress: p, w: w, prefix: prefix, fresh: true}
}

type programWriter struct {
	progress *Progress
	w        io.Writer
	prefix   string
	fresh    bool // whether the next byte begins a line
}

// Write removes the live line, if there is one. The next event writes another.
func (b *programWriter) Write(text []byte) (int, error) {
	b.progress.mu.Lock()
	defer b.progress.mu.Unlock()
	if erase := b.progress.erase(); erase != "" {
		fmt.Fprint(b.progress.w, erase)
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

// Close ends the live line, if there is one.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		fmt.Fprintln(p.w)
		p.open = false
	}
}

// style returns text with the escape sequence code, if that may be used.
func (p *Progress) style(code, text string) string {
	if !p.bold {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// took formats a duration in seconds.
func took(d time.Duration) string { return fmt.Sprintf("(%.2fs)", d.Seconds()) }
