package docker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// No answer of an engine fills the memory: one without an end is an error.
func TestEndlessAnswers(t *testing.T) {
	t.Parallel()
	endless := func(path, begin string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, path) {
				io.WriteString(w, `{"Id":"sha256:1"}`)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			io.WriteString(w, begin)
			piece := strings.Repeat("a", 64<<10)
			for sent := 0; sent < 2*maxAnswer; sent += len(piece) {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
			}
			t.Errorf("%s: the answer was read to the end", path)
		}
	}
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		do     func(*Engine) error
	}{
		{"inspect", endless("/json", `{"Id":"`), func(e *Engine) error {
			_, _, err := e.Image(context.Background(), "hello")
			return err
		}},
		{"load", endless("/load", `{"stream":"`), func(e *Engine) error {
			return e.Load(context.Background(), LoadRequest{Ref: "hello", IDs: []string{"sha256:1"}, Write: func(_ context.Context, w io.Writer) error { return nil }})
		}},
		{"pull", endless("/create", `{"status":"`), func(e *Engine) error {
			return e.Pull(context.Background(), "hello", Platform{}, nil)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var large *largeError
			if err := tt.do(scriptedEngine(t, tt.answer)); !errors.As(err, &large) && (err == nil || !strings.Contains(err.Error(), "more than")) {
				t.Errorf("got %v, want the limit of an answer", err)
			}
		})
	}
}

// The limit is for one message of a stream. A long pull has more of them.
func TestManyMessages(t *testing.T) {
	t.Parallel()
	line := `{"status":"` + strings.Repeat("a", 1<<20) + `"}` + "\n"
	var all []io.Reader
	for range maxMessage>>20 + 2 {
		all = append(all, strings.NewReader(line))
	}
	if err := followPull(io.MultiReader(all...), nil); err != nil {
		t.Error(err)
	}
}
