package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/ci"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/document"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/listing"
)

// output is where a target says its result: lines on stdout or, with IMAGE_FORMAT=json, one document there at the end. A CI service
// is told too.
type output struct {
	stdout   io.Writer
	document *document.Document // nil for lines
	began    time.Time
	target   string
	service  ci.Service

	mu     sync.Mutex
	images []document.Image // all that were said
}

// said is what a target says of an image, or of all platforms of an image together.
type said struct {
	lines  string
	images []document.Image
}

// newOutput reads IMAGE_FORMAT.
func newOutput(target string, getenv func(string) string) (*output, error) {
	o := &output{stdout: os.Stdout, began: time.Now(), target: target}
	// A target that needs the folder says why it fails. A second build is not shown.
	if dir, err := os.Getwd(); err == nil && getenv(againVariable) == "" {
		o.service = ci.Find(dir, getenv)
	}
	switch format := getenv("IMAGE_FORMAT"); format {
	case "", "text":
	case "json":
		o.document = document.New(target)
	default:
		return o, &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_FORMAT is %q\nfix: set it to text or json, or unset it", format)}
	}
	return o, nil
}

// say says something of images.
func (o *output) say(s said) error {
	o.mu.Lock()
	o.images = append(o.images, s.images...)
	o.mu.Unlock()
	if o.document != nil {
		o.document.Add(s.images...)
		return nil
	}
	if s.lines == "" {
		return nil
	}
	_, err := fmt.Fprintln(o.stdout, strings.TrimSuffix(s.lines, "\n"))
	return err
}

// path says a path that is not of one image.
func (o *output) path(path string) error {
	if o.document != nil {
		o.document.AddPath(path)
		return nil
	}
	_, err := fmt.Fprintln(o.stdout, path)
	return err
}

// programStdout is where a program that a target runs writes to: stdout, unless that is for a document.
func (o *output) programStdout() *os.File {
	if o.document != nil {
		return os.Stderr
	}
	return os.Stdout
}

// report returns where events go: also into the document.
func (o *output) report(to buildkit.Report) buildkit.Report {
	if o.document == nil {
		return to
	}
	return func(e buildkit.Event) {
		to(e)
		o.document.Report(e)
	}
}

// end tells the CI service, and writes the document, if there is one.
func (o *output) end(end dialogue.End) error {
	fmt.Fprint(os.Stderr, o.service.Annotations(o.target, end.Error))
	err := o.service.Write(o.target, end.Error, o.images)
	if o.document == nil {
		return err
	}
	if documentErr := listing.JSON(o.stdout, o.document.End(end.Error, end.Code, time.Since(o.began))); documentErr != nil {
		err = errors.Join(err, fmt.Errorf("writing the document: %w", documentErr))
	}
	return err
}

// saidOf says a text of built images.
func saidOf(lines string, built ...*buildkit.Result) said {
	s := said{lines: lines}
	for _, b := range built {
		s.images = append(s.images, document.Of(b))
	}
	return s
}

// wrote says that paths were written for built images.
func wrote(paths []string, built ...*buildkit.Result) said {
	s := saidOf(strings.Join(paths, "\n"), built...)
	for i := range s.images {
		s.images[i].Paths = paths
	}
	return s
}
