package run

import (
	"slices"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

func TestNoteStart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		c    docker.Container
		more []string
		want []string
	}{
		{"long ID", docker.Container{ID: "0123456789abcdef"}, nil, []string{"started 0123456789ab"}},
		{"short ID of a strange engine", docker.Container{ID: "abc"}, nil, []string{"started abc"}},
		{"no ID", docker.Container{}, nil, []string{"started "}},
		{
			"everything",
			docker.Container{ID: "abc", Warnings: []string{"no swap"}, Ports: []docker.Port{{Container: "80/tcp", Address: "127.0.0.1:8080"}}},
			[]string{"copied"},
			[]string{"warning: no swap", "started abc, 80/tcp on 127.0.0.1:8080, copied"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			NoteStart(func(e report.Event) { got = append(got, e.Text) }, "app", "run", tt.c, tt.more...)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
