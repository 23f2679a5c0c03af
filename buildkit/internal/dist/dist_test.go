package dist

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// A folder that fromscratch did not make is left alone.
func TestDistOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make func(dir string) error
	}{
		{"files", func(dir string) error {
			return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "precious"), nil, 0o644))
		}},
		{"a file", func(dir string) error {
			return errors.Join(os.MkdirAll(filepath.Dir(dir), 0o755), os.WriteFile(dir, nil, 0o644))
		}},
		{"link", func(dir string) error {
			return errors.Join(os.MkdirAll(filepath.Dir(dir), 0o755), os.Symlink(t.TempDir(), dir))
		}},
		{"rootfs is a link", func(dir string) error {
			release, err := Folder(dir).Claim(context.Background(), nil)
			return errors.Join(err, release(), os.Symlink(t.TempDir(), filepath.Join(dir, "rootfs")))
		}},
		{"dist is a link", func(dir string) error { return os.Symlink(t.TempDir(), filepath.Dir(dir)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := Folder(filepath.Join(t.TempDir(), "dist", "app"))
			if err := test.make(string(d)); err != nil {
				t.Fatal(err)
			}
			var config *report.ConfigError
			if _, err := d.Claim(context.Background(), nil); !errors.As(err, &config) || !strings.Contains(err.Error(), "\nfix: ") {
				t.Errorf("claim gives %v, want a ConfigError with a fix", err)
			}
			if _, err := d.Remove(context.Background()); test.name != "dist is a link" && !errors.As(err, &config) {
				t.Errorf("Remove gives %v, want a ConfigError", err)
			}
			if test.name == "files" {
				if _, err := os.Stat(filepath.Join(string(d), "precious")); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Only one run holds a folder at a time. A second one waits until its context ends.
func TestDistIsHeld(t *testing.T) {
	t.Parallel()
	d := Folder(filepath.Join(t.TempDir(), "dist", "app"))
	release, err := d.Claim(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	waited := make(chan error)
	go func() {
		_, err := d.Claim(ctx, nil)
		waited <- err
	}()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting gives %v, want the context's end", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	// The folder is free. After its removal it can be made again.
	if removed, err := d.Remove(context.Background()); !removed || err != nil {
		t.Errorf("Remove gives %t, %v", removed, err)
	}
	if release, err = d.Claim(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

// A run that waits for another one says so, and gets the folder when that has ended.
func TestClaimSaysThatItWaits(t *testing.T) {
	t.Parallel()
	d := Folder(filepath.Join(t.TempDir(), "dist", "app"))
	told := 0
	release, err := d.Claim(context.Background(), func() { told++ })
	if err != nil || told > 0 {
		t.Fatalf("a free folder: told %d times, %v", told, err)
	}
	again, err := d.Claim(context.Background(), func() {
		told++
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	if err != nil || told != 1 {
		t.Fatalf("a held folder: told %d times, %v", told, err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}

// A folder with only a temporary file of the mark counts as free, whether another run is making it or a killed run left it.
func TestMarkInMaking(t *testing.T) {
	t.Parallel()
	d := Folder(filepath.Join(t.TempDir(), "dist", "app"))
	half := filepath.Join(string(d), "."+filepath.Base(d.Mark())+"-123")
	if err := errors.Join(os.MkdirAll(string(d), 0o755), os.WriteFile(half, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	release, err := d.Claim(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil || !d.Ours() {
		t.Errorf("the folder is not taken (%v)", err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half mark is still there (%v)", err)
	}
}

// A killed removal leaves a folder without its mark. The next removal removes it.
func TestRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rest := filepath.Join(dir, "dist", "app@removed-0badcafe")
	err := errors.Join(os.MkdirAll(filepath.Join(rest, "rootfs"), 0o755), os.WriteFile(filepath.Join(rest, "rootfs", "app"), nil, 0o644),
		os.Mkdir(filepath.Join(dir, "dist", "other"), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	found, err := Find(dir, []string{"app"})
	if err != nil || len(found) != 1 || string(found[0]) != rest {
		t.Fatalf("found are %q (%v), want %q", found, err, rest)
	}
	if removed, err := found[0].Remove(context.Background()); !removed || err != nil {
		t.Errorf("removed: %v, %v", removed, err)
	}
	if _, err := os.Stat(rest); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}
