package buildkit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder that we did not make is left alone.
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
			release, err := Dist(dir).claim(context.Background())
			return errors.Join(err, release(), os.Symlink(t.TempDir(), filepath.Join(dir, "rootfs")))
		}},
		{"dist is a link", func(dir string) error { return os.Symlink(t.TempDir(), filepath.Dir(dir)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := Dist(filepath.Join(t.TempDir(), "dist", "app"))
			if err := test.make(string(d)); err != nil {
				t.Fatal(err)
			}
			var config *ConfigError
			if _, err := d.claim(context.Background()); !errors.As(err, &config) || !strings.Contains(err.Error(), "\nfix: ") {
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

// One run at a time: the second waits, until its context ends.
func TestDistIsHeld(t *testing.T) {
	t.Parallel()
	d := Dist(filepath.Join(t.TempDir(), "dist", "app"))
	release, err := d.claim(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	waited := make(chan error)
	go func() {
		_, err := d.claim(ctx)
		waited <- err
	}()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting gives %v, want the context's end", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	// The folder is free, and its removal ends in one that can be made again.
	if removed, err := d.Remove(context.Background()); !removed || err != nil {
		t.Errorf("Remove gives %t, %v", removed, err)
	}
	if release, err = d.claim(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

// The go command follows links, and writes into folders: neither may stand where
// the program is to be.
func TestDistClear(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make func(path, outside string) error
	}{
		{"link", func(path, outside string) error { return os.Symlink(outside, path) }},
		{"folder", func(path, _ string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o755) }},
		{"nothing", func(string, string) error { return nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, outside := Dist(t.TempDir()), filepath.Join(t.TempDir(), "precious")
			path := filepath.Join(d.Rootfs(), "app")
			if err := errors.Join(os.WriteFile(outside, []byte("x"), 0o644), os.Mkdir(d.Rootfs(), 0o755), test.make(path, outside)); err != nil {
				t.Fatal(err)
			}
			if err := clearPlace(filepath.Join(d.Rootfs(), "app")); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("something is still there (%v)", err)
			}
			if _, err := os.Stat(outside); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a removal has left that was killed, without its mark, is removed by the next.
func TestDistRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rest := filepath.Join(dir, "dist", "app@removed-0badcafe")
	err := errors.Join(os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/app\n"), 0o644),
		os.MkdirAll(filepath.Join(rest, "rootfs"), 0o755), os.WriteFile(filepath.Join(rest, "rootfs", "app"), nil, 0o644),
		os.Mkdir(filepath.Join(dir, "dist", "other"), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	found, err := Dists(context.Background(), Inputs{Dir: dir, Environ: append(os.Environ(), "IMAGE_NAME=app")})
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
