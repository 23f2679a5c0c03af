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

// progress writes the events of a build to stderr. On a terminal the step under
// way has a live line that its end replaces; elsewhere each step is one plain
// line when it has ended, and one now and then while it takes long.
type progress struct {
	mu   sync.Mutex // images may be made side by side
	w    io.Writer
	live bool // w is a terminal: the line of the step under way is overwritten
	bold bool // escape sequences for weight and colour are welcome
	open bool // a live line stands, without its line end

	width func() int // columns of the terminal, 0 for unknown

	now  func() time.Time
	told map[string]time.Time // when it was last told how far a step is, by image and step
}

// tellEvery is how often it is told, elsewhere than on a terminal, how far a step is.
const tellEvery = 10 * time.Second

// newProgress looks at what kind of thing f is. NO_COLOR (https://no-color.org)
// and a dumb terminal keep it plain.
func newProgress(f *os.File, getenv func(string) string) *progress {
	live := isTerminal(f) && getenv("TERM") != "dumb"
	return &progress{w: f, width: func() int { return columns(f) }, live: live, bold: live && getenv("NO_COLOR") == "", now: time.Now, told: map[string]time.Time{}}
}

// isTerminal says whether f is a character device other than the null device,
// which is as near as the standard library comes to a terminal.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// report is a buildkit.Report.
func (p *progress) report(e buildkit.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := e.Image + "\x00" + e.Step
	if e.State != buildkit.Underway {
		delete(p.told, key)
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
		p.write(e.Image, e.Step, p.weight("31", "failed")+"  "+took(e.Took), "\n")
	case buildkit.Note:
		p.line(e.Image, e.Step, e.Text, "\n")
	}
}

// due tells whether it is time to tell again how far a step is. The first time is some
// time after it was heard of first: most steps end before that.
func (p *progress) due(key string) bool {
	now := p.now()
	last, heard := p.told[key]
	if heard && now.Sub(last) < tellEvery {
		return false
	}
	p.told[key] = now
	return heard
}

// line writes a line over the live one, if there is one, in one piece: others may
// write to the same terminal.
func (p *progress) line(image, step, text, end string) {
	p.write(image, step, strings.ReplaceAll(plaintext.Shorten(plaintext.HideLogins(plaintext.Lines(text))), "\n", "\n\t"), end)
}

// write writes a line with a text of our own.
func (p *progress) write(image, step, text, end string) {
	fmt.Fprintf(p.w, "%s%s  %-9s  %s%s", p.erase(), p.weight("1", plaintext.Field(image)), plaintext.Field(step), text, end)
}

// liveLine writes the line of the step under way, as far as the terminal is wide: of one
// that goes over two lines only the second would be overwritten.
func (p *progress) liveLine(image, step, text string) {
	image = plaintext.Field(image)
	line := fmt.Sprintf("%s  %-9s  %s", image, plaintext.Field(step), plaintext.Field(plaintext.HideLogins(text)))
	line = cutLine(line, " …", p.width())
	fmt.Fprint(p.w, p.erase(), weighed(line, image, func(s string) string { return p.weight("1", s) }))
	p.open = true
}

// erase takes the live line away, if there is one.
func (p *progress) erase() string {
	if !p.open {
		return ""
	}
	p.open = false
	return "\r\x1b[K"
}

// beside gives a writer for what a program says while lines of ours come and go: each
// piece begins on a line of its own, with a prefix in front of every line.
func (p *progress) beside(w io.Writer, prefix string) io.Writer {
	return &besideWriter{progress: p, w: w, prefix: prefix, fresh: true}
}

type besideWriter struct {
	*progress
	w      io.Writer
	prefix string
	fresh  bool // at the beginning of a line
}

// Write takes the live line away, if there is one; the next event brings another.
func (b *besideWriter) Write(text []byte) (int, error) {
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

// close leaves no live line behind.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		fmt.Fprintln(p.w)
		p.open = false
	}
}

func (p *progress) weight(code, text string) string {
	if !p.bold {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// took is a duration in seconds with as many digits as people read.
func took(d time.Duration) string { return fmt.Sprintf("(%.2fs)", d.Seconds()) }
