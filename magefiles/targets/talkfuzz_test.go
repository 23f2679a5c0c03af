package targets

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/dialogue"
)

// FuzzTalk lets the worker report any bytes. The target then has an End, an error or neither, but never both.
func FuzzTalk(f *testing.F) {
	for _, seed := range []string{
		`{"End":{"Error":"no","Code":3}}`,
		`{"Call":{"Config":0,"Hook":"Before","Argument":"x"}}{"End":{}}`,
		`{"Call":{"Config":7,"Hook":"After"}}`, `{"Call":{"Config":-1}}`, `{`, `null`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, reported []byte) {
		tk := &talk{configs: []Config{{}, {Build: Build{Before: func(context.Context, BuildInfo) error { return nil }}}}, orders: json.NewEncoder(io.Discard)}
		end, err := tk.listen(context.Background(), bytes.NewReader(reported))
		if end != nil && err != nil {
			t.Errorf("both an end and the error %v", err)
		}
	})
}

// A call of a function that the Config does not have is answered with an error.
func TestTalkMissingFunction(t *testing.T) {
	for _, call := range []dialogue.Call{{Config: 1, Hook: "Before"}, {Config: -1, Hook: "Before"}, {Hook: "Before"}, {Hook: "Between"}} {
		var orders bytes.Buffer
		tk := &talk{configs: []Config{{}}, orders: json.NewEncoder(&orders)}
		tk.answer(context.Background(), call)
		var o order
		if err := json.Unmarshal(orders.Bytes(), &o); err != nil || o.Answer == nil || o.Answer.Error == "" {
			t.Errorf("the call %+v is answered with %q (%v), want an error", call, orders.String(), err)
		}
	}
}
