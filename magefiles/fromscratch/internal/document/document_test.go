package document

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// Each image has the steps and notes that were reported for it; those of images that were not finished are not lost.
func TestDocument(t *testing.T) {
	t.Parallel()
	d := New("image")
	for _, e := range []buildkit.Event{
		{Image: "web linux/amd64", Step: "compile", State: buildkit.Started, Text: "web"},
		{Image: "web linux/amd64", Step: "compile", State: buildkit.Done, Text: "done", Took: 1500 * time.Millisecond},
		{Image: "web linux/arm64", Step: "compile", State: buildkit.Failed, Text: "web"},
		{Image: "web", Step: "archive", State: buildkit.Note, Text: "a note"},
		{Image: "fromscratch", Step: "docker", State: buildkit.Note, Text: "slow"},
	} {
		d.Report(e)
	}
	d.Add(Image{Name: "web", Platform: "linux/amd64", Reference: "web:1"})
	d.AddPath("/layout")
	text, err := json.Marshal(d.End("compiling: no\nfix: write it", 1, 2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"seconds":2,`, `"steps":[{"step":"compile","result":"done","seconds":1.5,"failed":false}]`, `"notes":[{"step":"archive","text":"a note"}]`,
		`"notes":[{"step":"compile","text":"web linux/arm64: web"},{"step":"docker","text":"fromscratch: slow"}]`,
		`"references":["web:1"]`, `"paths":["/layout"]`, `"exitCode":1`, `"error":{"text":"compiling: no","fix":"write it"}`, `"layers":[]`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "null") {
		t.Errorf("a list is null in\n%s", text)
	}
	if text, err := json.Marshal(New("image").End("", 0, 0)); err != nil || !strings.Contains(string(text), `"error":null`) || !strings.Contains(string(text), `"images":[]`) {
		t.Errorf("%s (%v)", text, err)
	}
}
