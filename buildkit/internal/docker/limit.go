package docker

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	// maxAnswer limits an answer that is kept in memory, in bytes. The list of ten thousand images has a tenth of that.
	maxAnswer = 64 << 20
	// maxMessage limits one message of a stream, in bytes. Engines send some hundred.
	maxMessage = 4 << 20
)

// largeError reports an answer, or a message of one, over its limit.
type largeError struct{ most int64 }

func (l *largeError) Error() string {
	return fmt.Sprintf("the engine's answer has more than %d MiB", l.most>>20)
}

// limited reads at most left bytes, then fails.
type limited struct {
	io.Reader
	left, most int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, &largeError{l.most}
	}
	n, err := l.Reader.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// limitAnswer limits the body of an answer that the client reads into memory. Files and streams are read piece by piece.
func limitAnswer(req *http.Request, resp *http.Response) {
	path := unversioned(req)
	if lengthOf(req) == asLongAsItTakes || path == "/events" || strings.HasSuffix(path, "/archive") || resp.StatusCode == http.StatusSwitchingProtocols {
		return
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{&limited{resp.Body, maxAnswer, maxAnswer}, resp.Body}
}

// messages decodes a stream of JSON messages of at most maxMessage bytes each.
type messages struct {
	limit   limited
	decoder *json.Decoder
}

func newMessages(r io.Reader) *messages {
	m := &messages{limit: limited{Reader: r}}
	m.decoder = json.NewDecoder(&m.limit)
	return m
}

// next decodes the next message. The error at the end is [io.EOF].
func (m *messages) next(to any) error {
	m.limit.left, m.limit.most = maxMessage, maxMessage
	return m.decoder.Decode(to)
}
