// Command recording runs the first commands of a user on the cgo example, and writes what they print, as it came, to an SVG with an
// animation. It runs at the root of the repository, needs an engine, and removes what it has made:
//
//	go run ./magefiles/bench/recording > docs/images/sqlite.svg
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// line is a line of the terminal, and when it came.
type line struct {
	text    string
	at      time.Duration
	command bool
}

// session is what has come so far.
type session struct {
	lines []line
	now   time.Duration
}

func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "fromscratch-recording-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	repository, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	project := filepath.Join(dir, "sqlite")
	if err := os.CopyFS(project, os.DirFS("examples/sqlite")); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(project, "dist")); err != nil {
		return err
	}
	replace := exec.CommandContext(ctx, "go", "mod", "edit", "-replace=github.com/fromscratch-go/fromscratch/magefiles/targets="+filepath.Join(repository, "magefiles/targets"))
	replace.Dir = project
	if text, err := replace.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	const image = "sqlite:latest"
	if exec.CommandContext(ctx, "docker", "image", "inspect", image).Run() == nil {
		return fmt.Errorf("the engine has an image %s, which the recording would replace\nfix: give it another name", image)
	}
	defer exec.Command("docker", "image", "rm", image).Run()
	// The worker is compiled before, once for each version: see the table of the first image.
	warm := exec.CommandContext(ctx, "go", "tool", "mage", "imagePlan")
	warm.Dir = project
	if text, err := warm.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	s := &session{}
	for _, command := range []string{
		"cat magefile.go", "go tool mage image", "docker run --rm sqlite",
		"go tool mage imageExplain -- /usr/lib/x86_64-linux-gnu/libm.so.6",
	} {
		if err := s.run(ctx, project, command); err != nil {
			return err
		}
	}
	return s.write(out)
}

// longest is the longest pause that is shown.
const longest = 1200 * time.Millisecond

// run runs a command and adds its lines.
func (s *session) run(ctx context.Context, dir, command string) error {
	s.now += 400 * time.Millisecond
	s.lines = append(s.lines, line{"$ " + command, s.now, true})
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = dir
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	last := time.Now()
	ended := make(chan error, 1)
	go func() {
		err := cmd.Run()
		ended <- err
		w.CloseWithError(err)
	}()
	for lines := bufio.NewScanner(r); lines.Scan(); last = time.Now() {
		s.now += min(time.Since(last), longest)
		s.lines = append(s.lines, line{lines.Text(), s.now, false})
	}
	if err := <-ended; err != nil {
		return fmt.Errorf("running %q: %w", command, err)
	}
	s.now += 800 * time.Millisecond
	return nil
}

// Sizes of the picture, in pixels.
const (
	lineHeight = 19
	letter     = 8.2
	border     = 16
)

// write writes the SVG.
func (s *session) write(out io.Writer) error {
	columns := 0
	for _, l := range s.lines {
		columns = max(columns, len([]rune(l.text)))
	}
	width, height := int(float64(columns)*letter)+2*border, len(s.lines)*lineHeight+2*border
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="A terminal: a cgo program becomes an image, and runs">`+"\n", width, height, width, height)
	b.WriteString(`<style>text{white-space:pre;animation:in .05s backwards}@keyframes in{from{opacity:0}}@media(prefers-reduced-motion:reduce){text{animation:none}}</style>` + "\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="#161b22"/>`+"\n", width, height)
	b.WriteString(`<g font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13" fill="#d6dbe1">` + "\n")
	for i, l := range s.lines {
		colour := ""
		if l.command {
			colour = ` fill="#7ee787"`
		}
		fmt.Fprintf(&b, `<text%s x="%d" y="%d" style="animation-delay:%.2fs" xml:space="preserve">%s</text>`+"\n",
			colour, border, border+(i+1)*lineHeight-5, l.at.Seconds(), html.EscapeString(strings.ReplaceAll(l.text, "\t", "    ")))
	}
	b.WriteString("</g>\n</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}
