package deliver_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// wantOnly checks that dir has only a file with this content, or nothing for "".
func wantOnly(t *testing.T, dir, name, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != name || content == "" {
			t.Errorf("%q is left in the folder", e.Name())
		}
	}
	if content == "" {
		return
	}
	if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != content {
		t.Errorf("%q has %d bytes, error %v; want %d", name, len(got), err, len(content))
	}
}

func TestWriteFileReplaces(t *testing.T) {
	t.Parallel()
	dir, a := t.TempDir(), deliver.Archive{Image: small(t), Refs: []string{"hello"}}
	path, want := filepath.Join(dir, "hello.tar"), string(written(t, a))
	for range 2 {
		if err := a.WriteFile(context.Background(), path); err != nil {
			t.Fatal(err)
		}
		wantOnly(t, dir, "hello.tar", want)
	}
	// Others can read it; it does not have the 0600 of a temporary file.
	probe := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(probe, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if got, want := mode(t, path), mode(t, probe); got != want {
		t.Errorf("permissions %v, want %v", got, want)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

// After a failure, an existing archive is unchanged, and no other file stays.
func TestWriteFileLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fail func(cancel func()) error // called when the layer is read the second time
		want []string
	}{
		{"cancelled", func(cancel func()) error { cancel(); return nil }, []string{"context canceled"}},
		{"source gone", func(func()) error { return fs.ErrNotExist }, []string{`"app"`, "file does not exist"}},
		{"source changed", func(func()) error { return nil }, []string{`"app"`, "a source changed", "fix: run again"}},
	} {
		for _, before := range []string{"", "the archive of yesterday"} {
			t.Run(tt.name+" "+before, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				opened := 0
				img := newImage(t, image.Config{}, layer(t, "program", image.File{
					Header: tar.Header{Name: "app", Size: 5},
					Open: func() (io.ReadCloser, error) {
						if opened++; opened == 1 {
							return io.NopCloser(strings.NewReader("first")), nil
						}
						return io.NopCloser(strings.NewReader("again")), tt.fail(cancel)
					}}))
				dir := t.TempDir()
				path := filepath.Join(dir, "app.tar")
				if before != "" {
					if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				err := deliver.Archive{Image: img}.WriteFile(ctx, path)
				wantError(t, err, append(tt.want, fmt.Sprintf("writing %q: ", path))...)
				if strings.Contains(err.Error(), ".tmp") {
					t.Errorf("error %q names the temporary file", err)
				}
				wantOnly(t, dir, "app.tar", before)
			})
		}
	}
}

func TestWriteFileRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := deliver.Archive{Image: small(t)}
	missing := filepath.Join(dir, "missing", "app.tar")
	wantError(t, a.WriteFile(context.Background(), missing), fmt.Sprintf("writing %q: ", missing), "fix: make the folder")
	wantError(t, a.WriteFile(context.Background(), dir), fmt.Sprintf("writing %q: ", dir), "not a regular file", "fix: name a file")
	wantError(t, deliver.Archive{Image: a.Image, Refs: []string{"A"}}.WriteFile(context.Background(), filepath.Join(dir, "a.tar")),
		"a.tar", `"A"`, "fix: write it like")
	wantOnly(t, dir, "", "")

	// A link to a device, such as "/dev/stdout", is refused: the rename would replace the link.
	device := filepath.Join(t.TempDir(), "device")
	if err := os.Symlink(os.DevNull, device); err != nil {
		skip(t, "no symbolic links here: "+err.Error())
	}
	wantError(t, a.WriteFile(context.Background(), device), fmt.Sprintf("writing %q: ", device), "not a regular file")
	if target, err := os.Readlink(device); err != nil || target != os.DevNull {
		t.Errorf("the link to the device leads to %q, error %v", target, err)
	}
}

// fullDisk is set in the process that writes to a disk that is too small, see TestWriteFileOnAFullDisk.
const fullDisk = "FROMSCRATCH_TEST_FULL_DISK"

// WriteFile fails on a real file system of 64 kB, in a mount namespace that ends with the process.
func TestWriteFileOnAFullDisk(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(fullDisk); dir != "" {
		path := filepath.Join(dir, "app.tar")
		img := newImage(t, image.Config{}, layer(t, "program", text("app", strings.Repeat("x", 1<<20))))
		err := deliver.Archive{Image: img}.WriteFile(context.Background(), path)
		wantError(t, err, fmt.Sprintf("writing %q: no space left on device\nfix: free space on the disk of %q", path, dir))
		wantOnly(t, dir, "app.tar", "the archive of yesterday")
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("a small file system is mounted, which is done for Linux only")
	}
	inside := []string{"--mount"}
	if os.Getuid() != 0 {
		inside = append(inside, "--user", "--map-root-user")
	}
	if out, err := exec.Command("unshare", append(inside, "true")...).CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("no mount namespace: %v: %s", err, out))
	}
	dir := t.TempDir()
	cmd := exec.Command("unshare", append(inside, "sh", "-c",
		`mount -t tmpfs -o size=64k tmpfs "$0" && printf 'the archive of yesterday' > "$0/app.tar" && exec "$@"`,
		dir, os.Args[0], "-test.run=^TestWriteFileOnAFullDisk$", "-test.v")...)
	cmd.Env = append(os.Environ(), fullDisk+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestWriteFileOnAFullDisk") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Write returns the error of a full disk, as for "mage imageArchive > file".
func TestWriteToAFullDevice(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		skip(t, "there is no /dev/full here: "+err.Error())
	}
	defer full.Close()
	err = deliver.Archive{Image: small(t)}.Write(context.Background(), full)
	var pathError *fs.PathError
	if !errors.As(err, &pathError) || pathError.Path != "/dev/full" {
		t.Errorf("error %v, want that of /dev/full", err)
	}
}
