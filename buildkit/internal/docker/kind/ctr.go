package kind

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/distribution/reference"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// ctr returns the arguments of containerd's own command, which every node has. The images of pods are in the namespace
// k8s.io (https://github.com/containerd/containerd/blob/v2.1.4/docs/namespaces.md).
func ctr(args ...string) []string { return append([]string{"ctr", "--namespace=k8s.io"}, args...) }

// fullName returns the full name of a reference, by which Kubernetes looks it up: "docker.io/library/hello:latest".
func fullName(ref string) (string, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", err
	}
	return reference.TagNameOnly(named).String(), nil
}

// nodeImage is a node's image with some name; the zero value means that there is none.
type nodeImage struct {
	digest   string // of the manifest
	complete bool   // all layers are there
}

// image returns a node's image with a full name.
func (c *Cluster) image(ctx context.Context, n Node, name string) (nodeImage, error) {
	out, err := c.run(ctx, n, ctr("images", "check", fmt.Sprintf("name==%q", name)), nil)
	if err != nil {
		return nodeImage{}, err
	}
	return parseCheck(out, name), nil
}

// parseCheck parses the table of "ctr images check": REF TYPE DIGEST STATUS SIZE UNPACKED. The status is
// "complete (3/3)" or "incomplete (2/3)".
func parseCheck(table, name string) nodeImage {
	for _, line := range strings.Split(table, "\n") {
		if f := strings.Fields(line); len(f) > 3 && f[0] == name {
			return nodeImage{digest: f[2], complete: f[3] == "complete"}
		}
	}
	return nodeImage{}
}

// content returns the digests of a node's blobs.
func (c *Cluster) content(ctx context.Context, n Node) (map[string]bool, error) {
	out, err := c.run(ctx, n, ctr("content", "ls", "-q"), nil)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, d := range strings.Fields(out) {
		have[d] = true
	}
	return have, nil
}

// snapshotter returns the snapshotter that a node unpacks images with: overlayfs, or another one if the engine's disk
// doesn't support it. With any other, Kubernetes would unpack the image again.
func (c *Cluster) snapshotter(ctx context.Context, n Node) (string, error) {
	out, err := c.run(ctx, n, []string{"containerd", "config", "dump"}, nil)
	if err != nil {
		return "", err
	}
	return parseSnapshotter(out), nil
}

// snapshotterKey matches the line that names the snapshotter in a table of containerd's configuration.
var snapshotterKey = regexp.MustCompile(`^snapshotter\s*=\s*["']([^"']+)["']`)

// parseSnapshotter finds the snapshotter of Kubernetes' images in containerd's configuration. It is in the table
// plugins."io.containerd.grpc.v1.cri".containerd, and since version 3 in plugins."io.containerd.cri.v1.images"
// (https://github.com/containerd/containerd/blob/v2.1.4/docs/cri/config.md).
func parseSnapshotter(config string) string {
	table := ""
	for _, line := range strings.Split(config, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			table = strings.NewReplacer(`"`, "", `'`, "", " ", "").Replace(line)
		}
		wanted := table == "[plugins.io.containerd.grpc.v1.cri.containerd]" || table == "[plugins.io.containerd.cri.v1.images]"
		if m := snapshotterKey.FindStringSubmatch(line); wanted && m != nil {
			return m[1]
		}
	}
	return "overlayfs"
}

// importInto streams an archive into a node, as "kind load image-archive" does. It leaves out --digests, which gives each
// image a second name with the date in it: every version of a program would stay in the node.
// Source: https://github.com/kubernetes-sigs/kind/blob/v0.29.0/pkg/cluster/nodeutils/util.go
func (c *Cluster) importInto(ctx context.Context, n Node, snapshotter string, write func(context.Context, io.Writer) error) error {
	_, err := c.run(ctx, n, ctr("images", "import", "--all-platforms", "--snapshotter="+snapshotter, "-"), write)
	return err
}

// nodeFix adds the fix to the error of a command that failed in a node.
func nodeFix(failed *nodeError, n Node) error {
	text := strings.ToLower(failed.stderr)
	switch {
	case strings.Contains(text, "containerd.sock"):
		return docker.Advise(failed, "wait until the node is up; docker exec "+plaintext.Shell(n.Name)+" systemctl status containerd shows its state")
	case strings.Contains(text, "executable file not found"), failed.code == 126 || failed.code == 127:
		return docker.Advise(failed, "create the cluster with a node image of kind's, which has containerd and ctr")
	case strings.Contains(text, "no space left on device"):
		return docker.Advise(failed, "free space on the engine's disk: docker system df shows what takes it")
	}
	return docker.Advise(failed, "look into the node's log: docker exec "+plaintext.Shell(n.Name)+" journalctl -u containerd")
}
