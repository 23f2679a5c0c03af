//go:build linux && amd64

package plugins

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

var (
	need = testkit.Need
	skip = testkit.Skip
)

// image is the path of a root file system that a test makes.
type image string

// resolve finds everything that a program of the host opens.
func resolve(t *testing.T, program string, o Options) (*ldd.Closure, *Found) {
	t.Helper()
	c, found, err := Resolve(context.Background(), ldd.DirFS("/"), ldd.Program{Path: program}, ldd.Env{}, o)
	if err != nil {
		t.Fatal(err)
	}
	return c, found
}

// makeImage makes an image from a closure and files.
func makeImage(t *testing.T, c *ldd.Closure, files []File) image {
	t.Helper()
	root := image(t.TempDir())
	for _, o := range c.Objects {
		root.links(t, o.Links)
		root.file(t, o.Real)
		for _, dir := range o.Dirs {
			root.mkdir(t, dir)
		}
	}
	for _, f := range files {
		real, links, err := ldd.Follow(ldd.DirFS("/"), f.Path)
		if err != nil {
			t.Fatal(err)
		}
		root.links(t, links)
		root.tree(t, real)
	}
	if name, content, needed := c.LoaderConfig(); needed {
		root.write(t, name, content)
	}
	root.mkdir(t, "/tmp")
	return root
}

func (root image) mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(string(root), dir), 0o755); err != nil {
		t.Fatal(err)
	}
}

// links makes links; some may exist already.
func (root image) links(t *testing.T, links []ldd.Link) {
	t.Helper()
	for _, l := range links {
		root.mkdir(t, filepath.Dir(l.Path))
		if err := os.Symlink(l.Target, filepath.Join(string(root), l.Path)); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
}

// file copies a file from the host.
func (root image) file(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	root.write(t, name, data)
}

func (root image) write(t *testing.T, name string, data []byte) {
	t.Helper()
	root.mkdir(t, filepath.Dir(name))
	if err := os.WriteFile(filepath.Join(string(root), name), data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// tree copies a file or a folder from the host, including links.
func (root image) tree(t *testing.T, name string) {
	t.Helper()
	err := filepath.WalkDir(name, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			root.mkdir(t, name)
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			root.links(t, []ldd.Link{{Path: name, Target: target}})
		case d.Type().IsRegular():
			root.file(t, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// maxRun limits the time that a program may run.
const maxRun = 5 * time.Minute

// run runs a program in the image and returns its output. The environment has only HOME and env. Only root
// may call chroot(2), so other users enter a user namespace.
func (root image) run(args []string, env ...string) (string, error) {
	attr := &syscall.SysProcAttr{Chroot: string(root)}
	if uid := os.Getuid(); uid != 0 {
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	// A program that hangs has failed too.
	ctx, cancel := context.WithTimeout(context.Background(), maxRun)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.SysProcAttr = "/", attr
	cmd.Env = append([]string{"HOME=/tmp"}, env...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
