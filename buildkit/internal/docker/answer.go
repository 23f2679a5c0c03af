package docker

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// message is one JSON object in the engine's answer to a load
// (https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Image/operation/ImageLoad).
type message struct {
	Stream      string
	Error       string
	ErrorDetail *struct{ Message string }
}

// unpackFailed is an ordinary message of the containerd image store: it lacks content that the archive left out. By then
// the name belongs to the broken image. With API 1.48 and a platform the store reports an error.
const unpackFailed = "Error unpacking image"

// displaced matches the message of engines with graph drivers when a load takes the name of another image
// (https://github.com/moby/moby/blob/v20.10.24/image/tarexport/load.go, setLoadedTag). Other engines have no such message.
var displaced = regexp.MustCompile(`^The image \S+ already exists, renaming the old one with ID (sha256:[0-9a-f]{64}) to empty string$`)

// readAnswer reads the answer to its end. It returns the first error in it, and the ID of the image that had the name
// before, if the engine reports it.
func readAnswer(r io.Reader) (before string, first error) {
	stream := newMessages(r)
	for {
		var m message
		err := stream.next(&m)
		if errors.Is(err, io.EOF) {
			return before, first
		}
		if err != nil {
			return before, errors.Join(first, fmt.Errorf("reading the engine's answer: %w", err))
		}
		if first == nil {
			first = m.failure()
		}
		if found := displaced.FindStringSubmatch(strings.TrimSpace(m.Stream)); found != nil {
			before = found[1]
		}
	}
}

// failure returns the error in a message, nil if there is none.
func (m message) failure() error {
	text := strings.TrimSpace(m.Stream)
	switch {
	case m.ErrorDetail != nil && m.ErrorDetail.Message != "":
		return loadFix(errors.New(m.ErrorDetail.Message))
	case m.Error != "":
		return loadFix(errors.New(m.Error))
	case m.ErrorDetail != nil:
		return errors.New("the engine reports an error without a message")
	case strings.Contains(text, unpackFailed):
		return Advise(errors.New(text), sendAll)
	}
	return nil
}
