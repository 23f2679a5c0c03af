package pack

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// site is a module with a program and a file, whose image has them.
type site struct {
	plan plan.Image
	set  libraries.Set
}

func newSite(t *testing.T) site {
	t.Helper()
	s := site{plan: plan.Image{
		Name: "app", Root: t.TempDir(), Platform: platform.Platform{OS: "linux", Architecture: "amd64"},
		Config: image.Config{Platform: image.Platform{OS: "linux", Architecture: "amd64"}, Labels: map[string]string{"team": "a"}},
		Run:    plan.Run{Began: time.Now().Add(time.Hour)}, // no file is too young for its state to be trusted
	}}
	s.write(t, "app", "program")
	s.write(t, "page", "page")
	if err := s.plan.Dist().Make(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s site) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.plan.Root, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// make makes the image, with the events of it.
func (s site) make(t *testing.T) (*image.Image, []report.Event) {
	t.Helper()
	tree, err := rootfs.Assemble(context.Background(), rootfs.Spec{
		Program: "/app", Binary: filepath.Join(s.plan.Root, "app"), Capabilities: s.plan.Files.Capabilities, Dir: s.plan.Root, Certificates: rootfs.Certificates{OnlyExtra: true},
		Files: []rootfs.File{{From: "page", To: "/data/page"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var events []report.Event
	img, err := Image(context.Background(), s.plan, s.set, tree, func(e report.Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	return img, events
}

// layersOf returns the digests of an image's layers, by how they were made.
func layersOf(img *image.Image) map[string]digest.Digest {
	all := map[string]digest.Digest{}
	for _, l := range img.Layers {
		kind, _, _ := strings.Cut(l.CreatedBy, ":")
		all[kind] = l.DiffID
	}
	return all
}

func TestImage(t *testing.T) {
	s := newSite(t)
	img, events := s.make(t)
	var made []string
	for _, l := range img.Layers {
		made = append(made, l.CreatedBy)
	}
	if want := []string{"system: accounts, certificates, /tmp, /data", "files: as configured", "program: " + s.plan.Subject()}; !slices.Equal(made, want) {
		t.Errorf("the layers are %q, want %q", made, want)
	}
	labels := img.Config().Labels
	if labels["team"] != "a" || labels[docker.NameLabel] != "app" || len(labels) != 2 {
		t.Errorf("the labels are %v", labels)
	}
	if len(s.plan.Config.Labels) != 1 {
		t.Errorf("the labels of the plan became %v", s.plan.Config.Labels)
	}
	if last := events[len(events)-1]; last.State != report.Done || !strings.Contains(last.Text, img.ConfigDigest.Encoded()[:12]+", 3 layers, ") {
		t.Errorf("the report is %+v", last)
	}
	s.set.Loader = "/lib64/ld-linux-x86-64.so.2"
	if img, _ := s.make(t); !strings.HasSuffix(img.Layers[0].CreatedBy, ", /lib64/ld-linux-x86-64.so.2 and the libraries of /app") {
		t.Errorf("with libraries the lowest layer is %q", img.Layers[0].CreatedBy)
	}
}

// Only the layers whose files have changed are other ones.
func TestLayersByChange(t *testing.T) {
	s := newSite(t)
	img, _ := s.make(t)
	before := layersOf(img)
	for _, row := range []struct{ file, layer string }{{"app", "program"}, {"page", "files"}} {
		s.write(t, row.file, "another "+row.file)
		img, _ := s.make(t)
		after := layersOf(img)
		for layer := range before {
			if (before[layer] != after[layer]) != (layer == row.layer) {
				t.Errorf("after a change of %s the layer %s was %s and is %s", row.file, layer, before[layer], after[layer])
			}
		}
		before = after
	}
	s.plan.Files.Capabilities = 1 << 10
	img, _ = s.make(t)
	if after := layersOf(img); after["program"] == before["program"] || after["files"] != before["files"] {
		t.Errorf("with other capabilities of the program, the layers were %s and are %s", before, after)
	}
}

// A layer whose files are unchanged is not read again: its digest is the one that is stored.
func TestKnownLayer(t *testing.T) {
	s := newSite(t)
	s.make(t)
	path := s.plan.Dist().Layers()
	layers := state.ReadLayers(path)
	if len(layers) != 3 {
		t.Fatalf("%d layers are stored", len(layers))
	}
	stored := digest.FromString("stored")
	for key, l := range layers {
		l.DiffID = stored
		layers[key] = l
	}
	if err := layers.Write(path); err != nil {
		t.Fatal(err)
	}
	img, _ := s.make(t)
	for layer, id := range layersOf(img) {
		if id != stored {
			t.Errorf("the layer %s was read again", layer)
		}
	}
	s.write(t, "app", "another program")
	img, _ = s.make(t)
	for layer, id := range layersOf(img) {
		if (id == stored) != (layer != "program") {
			t.Errorf("after a change of the program the layer %s has the digest %s", layer, id)
		}
	}
}

// A file that was written a moment ago could change again unnoticed: its layer is not stored.
func TestYoungFile(t *testing.T) {
	s := newSite(t)
	s.plan.Run.Began = time.Now().Add(-time.Hour)
	s.make(t)
	if layers := state.ReadLayers(s.plan.Dist().Layers()); len(layers) != 1 {
		t.Errorf("%d layers are stored, want that of the system alone", len(layers))
	}
}

// A folder of the system that is not root's is named again by an upper layer that has files in it.
func TestFolderOfALowerLayer(t *testing.T) {
	s := newSite(t)
	tree, err := rootfs.Assemble(context.Background(), rootfs.Spec{
		Dir: s.plan.Root, Certificates: rootfs.Certificates{OnlyExtra: true},
		Files: []rootfs.File{{From: "page", To: "/data/page"}, {From: "page", To: "/etc/page"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, e := range (packing{s.plan, s.set, tree}).entries(rootfs.Files) {
		paths = append(paths, e.Path)
	}
	if want := []string{"/data", "/data/page", "/etc/page"}; !slices.Equal(paths, want) {
		t.Errorf("the layer of the user's files has %q, want %q", paths, want)
	}
}
