package targets

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/plaintext"
)

// progress tells people how far the compilation of the worker is. nil tells nothing. On a terminal one line is written again and
// again; elsewhere a line comes from time to time.
type progress struct {
	out   io.Writer
	live  bool // whether a line can be written again
	began time.Time
	every time.Duration
	stop  chan struct{}
	done  chan struct{}

	mu       sync.Mutex
	modules  int // downloaded
	compiled int // packages
	total    int // packages; 0 before they are counted
}

// startProgress begins to tell. The caller must call end.
func startProgress(out io.Writer, what string) *progress {
	p := &progress{out: out, began: time.Now(), every: 10 * time.Second, stop: make(chan struct{}), done: make(chan struct{})}
	if f, ok := out.(*os.File); ok && os.Getenv("TERM") != "dumb" {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.live, p.every = true, 200*time.Millisecond
		}
	}
	p.say(fmt.Sprintf("first use of %s here: compiling its worker, once for all projects; then comes the target", plaintext.Field(what)))
	go p.tell()
	return p
}

const (
	prefix = "fromscratch  worker     "
	again  = "\r\x1b[K" // the beginning of the line, without what was there
)

func (p *progress) say(text string) { fmt.Fprintln(p.out, prefix+text) }

// tell writes where the compilation is, until end.
func (p *progress) tell() {
	defer close(p.done)
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			if text := p.status(); p.live {
				fmt.Fprint(p.out, again+prefix+text)
			} else {
				p.say(text)
			}
		}
	}
}

func (p *progress) status() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seconds := time.Since(p.began).Round(time.Second)
	switch {
	case p.total > 0:
		return fmt.Sprintf("%d of %d packages compiled, %s", p.compiled, p.total, seconds)
	case p.modules > 0:
		return fmt.Sprintf("%d modules downloaded, %s", p.modules, seconds)
	}
	return fmt.Sprintf("looking for modules, %s", seconds)
}

// compiling begins to count packages. Those that the go command has in its cache are not compiled, so the count may end early.
func (p *progress) compiling(total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = total
}

// line takes a line of the go command and reports whether it was about the progress.
func (p *progress) line(line string) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		p.modules++
	case p.compiled < p.total && line != "" && !strings.ContainsAny(line, " \t:#"): // a package of go build -v
		p.compiled++
	default:
		return false
	}
	return true
}

// end ends the telling. err is the error of the compilation.
func (p *progress) end(err error) {
	close(p.stop)
	<-p.done
	if p.live {
		fmt.Fprint(p.out, again)
	}
	if err == nil {
		p.say(fmt.Sprintf("compiled in %s", time.Since(p.began).Round(100*time.Millisecond)))
	}
}
