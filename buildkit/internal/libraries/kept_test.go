package libraries

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
)

// stateFiles returns, for each file of state in a folder of an image, how it is written and whether it is recognized.
func stateFiles(t *testing.T) map[string]struct {
	write func(path string) error
	known func(path string) bool
} {
	t.Helper()
	empty, err := (&record.Set{}).Take(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := &state.Build{Key: "key", Set: []string{"web"}, Folder: "web", IDs: []string{"sha256:0123"}, Layout: empty, Content: empty, Outputs: empty}
	s := &Kept{Key: "key", Entries: []keptEntry{{Path: "/etc/ld.so.cache", Mode: 0o644, Bytes: []byte("ld.so-1.7.0")}}, reads: empty}
	l := state.Layers{"key": image.Known{}}
	return map[string]struct {
		write func(path string) error
		known func(path string) bool
	}{
		"memory": {m.Write, func(path string) bool { got, err := state.Read(path); return err == nil && got.Key != "" }},
		"system": {s.write, func(path string) bool { got, err := read(path); return err == nil && got.Key != "" }},
		"layers": {l.Write, func(path string) bool { return len(state.ReadLayers(path)) > 0 }},
	}
}

// A file of state of which one byte has changed counts as missing.
func TestDamagedState(t *testing.T) {
	for name, file := range stateFiles(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			if err := file.write(path); err != nil {
				t.Fatal(err)
			}
			if !file.known(path) {
				t.Fatal("what was written is not known")
			}
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range whole {
				damaged := append([]byte(nil), whole...)
				damaged[i] ^= 1
				if err := os.WriteFile(path, damaged, 0o644); err != nil {
					t.Fatal(err)
				}
				if file.known(path) {
					t.Errorf("byte %d is another one, and it is known: %q", i, damaged)
				}
			}
		})
	}
}

// A folder in the place of a file of state is removed; it has no effect on the build.
func TestFolderInPlaceOfState(t *testing.T) {
	for name, file := range stateFiles(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			if err := os.MkdirAll(filepath.Join(path, "of", "mine"), 0o755); err != nil {
				t.Fatal(err)
			}
			if file.known(path) {
				t.Error("a folder is known")
			}
			if err := file.write(path); err != nil {
				t.Fatal(err)
			}
			if !file.known(path) {
				t.Error("what was written is not known")
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != 0o644 {
				t.Errorf("it is %v, %v", info.Mode(), err)
			}
			// The same when it has to be removed.
			if err := fsx.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(path, "of", "mine"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := fsx.Remove(path); err != nil || fsx.Exists(path) {
				t.Errorf("the folder is still there: %v", err)
			}
		})
	}
}
