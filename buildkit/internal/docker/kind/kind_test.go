package kind

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// nodeOf starts a container that looks like a node of a cluster. It has the fake ctr of testdata.
func nodeOf(t *testing.T, e engine, image *dockertest.Image, cluster, role string, env ...string) Node {
	t.Helper()
	ctx, name := context.Background(), "fromscratch-test-"+dockertest.Random()
	created, err := e.api.ContainerCreate(ctx, &container.Config{
		Image: image.Ref, Env: env, Labels: map[string]string{dockertest.Label: dockertest.RunLabel(), clusterLabel: cluster, roleLabel: role},
	}, &container.HostConfig{NetworkMode: "none"}, nil, nil, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.api.ContainerRemove(ctx, name, container.RemoveOptions{Force: true}) })
	if err := e.api.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	return Node{ID: created.ID, Name: name, Role: role}
}

// nodeImageOf makes the image of such nodes. Its program has the further names.
func nodeImageOf(t *testing.T, e engine, arch string, names ...string) *dockertest.Image {
	t.Helper()
	content, err := os.ReadFile(testkit.Program(t, "./testdata/node"))
	if err != nil {
		t.Fatal(err)
	}
	ti := (&dockertest.Image{Program: content, Arch: arch}).Build(t)
	for _, name := range names {
		ti.Layers = append(ti.Layers, ti.Blob(dockertest.Tar(t, "bin/"+name, 0o755, content)))
	}
	ti.Describe(t)
	ti.Cleanup(t, e.api)
	if err := e.Load(context.Background(), docker.LoadRequest{Ref: ti.Ref, IDs: []string{ti.Config, ti.Manifest}, Write: func(_ context.Context, w io.Writer) error {
		_, err := w.Write(ti.Archive(t))
		return err
	}}); err != nil {
		t.Fatal(err)
	}
	return ti
}

// newImage makes an image to import. Half of its archive is more than a writer buffers.
func newImage(t *testing.T) *dockertest.Image {
	t.Helper()
	return (&dockertest.Image{Program: make([]byte, 1<<20)}).Build(t)
}

// importOf returns the request for an image; written counts the archives.
func importOf(t *testing.T, ti *dockertest.Image, written *int) ImportRequest {
	return ImportRequest{
		Ref: ti.Ref, Digest: ti.Manifest, Layers: ti.Layers,
		Write: func(_ context.Context, w io.Writer, omitted func(string) bool) error {
			*written++
			var omit []string
			for _, l := range ti.Layers {
				if omitted(l) {
					omit = append(omit, l)
				}
			}
			_, err := w.Write(ti.Archive(t, omit...))
			return err
		},
	}
}

// A failing node's error is reported, and a node that has lost content gets the whole image.
func TestHeavyClusterImport(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	node := nodeImageOf(t, e, "", "ctr", "containerd")
	ti := newImage(t)
	full, omitted := int64(len(ti.Archive(t))), int64(len(ti.Archive(t, ti.Layers[:2]...)))
	for _, test := range []struct {
		fault   string
		written int
		sent    int64
		err     string // "" for success
		fix     string
	}{
		{fault: "", written: 1, sent: omitted},
		{fault: "gone", written: 2, sent: omitted + full},
		{fault: "lost", written: 2, sent: omitted + full, err: `has "" under this name`, fix: "journalctl -u containerd"},
		{fault: "sick", err: "exit code 1: the content store is read-only", fix: "journalctl -u containerd"},
		{fault: "down", err: "failed to dial", fix: "wait until the node is up"},
	} {
		t.Run("fault "+test.fault, func(t *testing.T) {
			name := "fromscratch-test-" + dockertest.Random()
			nodeOf(t, e, node, name, "worker", "FAULT="+test.fault, "IMAGE=docker.io/library/"+ti.Ref, "DIGEST="+ti.Manifest,
				"LAYERS="+strings.Join(ti.Layers[:2], ","))
			c, err := Find(context.Background(), e.Engine, name)
			if err != nil {
				t.Fatal(err)
			}
			written := 0
			imported, err := c.Import(context.Background(), importOf(t, ti, &written))
			if test.err != "" {
				dockertest.WantError(t, err, test.err, test.fix)
				dockertest.WantError(t, err, c.Nodes[0].Name, "")
			}
			if test.err == "" && err != nil {
				t.Fatal(err)
			}
			if test.sent != 0 && (written != test.written || imported.Sent != test.sent || imported.Nodes != 1) {
				t.Errorf("%d archives, %+v", written, imported)
			}
			has, err := c.Has(context.Background(), ti.Ref, "sha256:other", ti.Manifest)
			if has != (test.err == "") || (err != nil) != (test.fault == "down") {
				t.Errorf("the node has it: %v, %v", has, err)
			}
			if test.err == "" {
				again, err := c.Import(context.Background(), importOf(t, ti, &written))
				if err != nil || again.Nodes != 0 || written != test.written {
					t.Errorf("again: %+v, %d archives, %v", again, written, err)
				}
			}
		})
	}
}

// The error of a failed archive is the writer's. A cancelled import ends the command in the node.
func TestHeavyClusterImportCut(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	node := nodeImageOf(t, e, "", "ctr", "containerd")
	ti := newImage(t)
	broken := errors.New("the source has changed")
	for _, test := range []struct {
		name string
		end  func(cancel context.CancelCauseFunc) error
	}{
		{"writer", func(context.CancelCauseFunc) error { return broken }},
		{"cancelled", func(cancel context.CancelCauseFunc) error { cancel(broken); return context.Canceled }},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := "fromscratch-test-" + dockertest.Random()
			nodeOf(t, e, node, name, "control-plane", "IMAGE=docker.io/library/"+ti.Ref)
			c, err := Find(context.Background(), e.Engine, name)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			written := 0
			req := importOf(t, ti, &written)
			req.Write = func(_ context.Context, w io.Writer, _ func(string) bool) error {
				archive := ti.Archive(t)
				if _, err := w.Write(archive[:len(archive)/2]); err != nil {
					return err
				}
				return test.end(cancel)
			}
			if _, err := c.Import(ctx, req); !errors.Is(err, broken) {
				t.Errorf("%v", err)
			}
			testkit.WaitFor(t, "ctr ends", func() bool {
				out, err := c.run(context.Background(), c.Nodes[0], ctr("ended"), nil)
				return err == nil && out == "yes\n"
			})
		})
	}
}

func TestHeavyCluster(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	ctx, name := context.Background(), "fromscratch-test-"+dockertest.Random()
	image := nodeImageOf(t, e, "arm64") // without ctr
	_, err := Find(ctx, e.Engine, name)
	var none *NoClusterError
	if !errors.As(err, &none) || slices.Contains(none.Have, name) {
		t.Fatalf("%T %v", err, err)
	}
	dockertest.WantError(t, err, name, "kind create cluster --name "+name)

	nodeOf(t, e, image, name, "external-load-balancer")
	if _, err := Find(ctx, e.Engine, name); !errors.As(err, &none) {
		t.Errorf("a load balancer is taken for a cluster: %v", err)
	}
	first, second := nodeOf(t, e, image, name, "control-plane"), nodeOf(t, e, image, name, "worker")
	c, err := Find(ctx, e.Engine, name)
	want := []Node{first, second}
	slices.SortFunc(want, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	if err != nil || !slices.Equal(c.Nodes, want) {
		t.Fatalf("%+v, %v", c, err)
	}
	if p, err := c.Platform(ctx); p != (docker.Platform{OS: "linux", Architecture: "arm64"}) || err != nil {
		t.Errorf("platform %s, %v", p, err)
	}
	_, err = c.Has(ctx, "hello", "sha256:1")
	dockertest.WantError(t, err, "ctr", "create the cluster with a node image of kind's")

	_, err = Find(ctx, e.Engine, name+"-other")
	dockertest.WantError(t, err, name, "name one of these")
	if err := e.api.ContainerKill(ctx, second.ID, "KILL"); err != nil {
		t.Fatal(err)
	}
	testkit.WaitFor(t, "the node ends", func() bool { _, err = Find(ctx, e.Engine, name); return err != nil })
	dockertest.WantError(t, err, second.Name+" is exited", "docker start "+second.Name)

	other := nodeOf(t, e, nodeImageOf(t, e, ""), name+"-mixed", "worker")
	nodeOf(t, e, image, name+"-mixed", "worker")
	if c, err = Find(ctx, e.Engine, name+"-mixed"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Platform(ctx)
	dockertest.WantError(t, err, other.Name+" runs linux/", "of one platform")
}

func TestParseCheck(t *testing.T) {
	t.Parallel()
	const name = "docker.io/library/hello:latest"
	const table = "REF   TYPE  DIGEST  STATUS  SIZE  UNPACKED\n" +
		name + "er application/vnd.oci.image.Manifest.v1+json sha256:93b complete (3/3) 6.3 MiB/6.3 MiB true\n"
	for _, test := range []struct {
		line string
		want nodeImage
	}{
		{"", nodeImage{}},
		{name + " application/vnd.oci.image.Manifest.v1+json sha256:93b complete (3/3) 6.3 MiB/6.3 MiB true", nodeImage{"sha256:93b", true}},
		{name + " application/vnd.oci.image.Manifest.v1+json sha256:93b incomplete (2/3) 6.1 MiB/6.3 MiB false", nodeImage{"sha256:93b", false}},
		{name + " application/vnd.oci.image.Manifest.v1+json sha256:93b unavailable (0/?) 0.0 B/? false", nodeImage{"sha256:93b", false}},
	} {
		if got := parseCheck(table+test.line+"\n", name); got != test.want {
			t.Errorf("%q is %+v", test.line, got)
		}
	}
}

// containerd 1.6 and 2.1 print these configurations.
func TestParseSnapshotter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ config, want string }{
		{"version = 2\n[plugins]\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    [plugins.\"io.containerd.grpc.v1.cri\".containerd]\n" +
			"      no_pivot = false\n      snapshotter = \"fuse-overlayfs\"\n", "fuse-overlayfs"},
		{"version = 3\n[plugins]\n  [plugins.'io.containerd.cri.v1.images']\n    snapshotter = 'zfs'\n" +
			"    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]\n      snapshotter = ''\n", "zfs"},
		{"[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]\n  snapshotter = 'devmapper'\n", "overlayfs"},
		{"", "overlayfs"},
	} {
		if got := parseSnapshotter(test.config); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestFullName(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]string{
		"hello": "docker.io/library/hello:latest", "acme/hello:1": "docker.io/acme/hello:1",
		"registry.example:5000/hello": "registry.example:5000/hello:latest",
	} {
		if got, err := fullName(ref); got != want || err != nil {
			t.Errorf("%q is %q, %v", ref, got, err)
		}
	}
}

func TestLastWords(t *testing.T) {
	t.Parallel()
	const text = "unpacking x...\ntime=\"2026\" level=info msg=\"apply failure\"\nctr: failed to extract\ntime=\"2026\" more\n"
	if got := lastWords(text); got != "failed to extract" {
		t.Error(got)
	}
}
