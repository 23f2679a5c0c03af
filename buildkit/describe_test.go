package buildkit_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A layer names the folders above its files that are not root's: an engine that unpacks it into a folder of its own
// would make them root's, and hide those of the layer below.
func TestFoldersAboveFilesKeepTheirOwner(t *testing.T) {
	t.Parallel()
	dir := module(t, map[string]string{
		"go.mod": `module example.com/small

go 1.23
`,
		"main.go": plainMain,
		"a.txt":   "a",
	})
	built := mustBuild(t, dir, buildkit.Config{Files: []config.File{{From: "a.txt", To: "/data/in/a.txt"}}})
	if len(built.Image.Layers) != 3 {
		t.Fatalf("the image has %d layers, want three", len(built.Image.Layers))
	}
	for i, want := range []map[string]int{{"data/": 65534, "root/": 0}, {"data/": 65534, "data/in/a.txt": 0}, {"small": 0}} {
		var blob bytes.Buffer
		if err := built.Image.Layers[i].WriteTo(context.Background(), &blob); err != nil {
			t.Fatal(err)
		}
		owners := map[string]int{}
		for r := tar.NewReader(&blob); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			owners[h.Name] = h.Uid
		}
		for name, uid := range want {
			if got, ok := owners[name]; !ok || got != uid {
				t.Errorf("layer %d has %v, want %s of %d", i, owners, name, uid)
			}
		}
	}
}
