//go:build linux

package targets_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// kindCluster is a cluster as kind makes it, as far as images go: its nodes are containers with kind's labels, in which
// this machine's own containerd runs. No Kubernetes is in them.
type kindCluster struct {
	t     *testing.T
	name  string
	image string
}

// newKind makes the image of the nodes from the machine's containerd and all that it loads.
func newKind(t *testing.T, name string) kindCluster {
	t.Helper()
	testkit.NeedEngine(t)
	testkit.Need(t, "containerd", "ctr", "containerd-shim-runc-v2", "runc", "tar")
	var files []string
	for _, program := range []string{"containerd", "ctr", "containerd-shim-runc-v2", "runc"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	dir := filepath.Join(t.TempDir(), "root")
	runCommand(t, command(t, "", nil, testkit.Program(t, "github.com/fromscratch-go/fromscratch/rootfs/ldd/cmd/ldd"), append([]string{"--copy", dir}, files...)...)).wantOK(t)
	for _, folder := range []string{"etc/containerd", "tmp", "run", "proc", "sys", "dev", "var/lib/containerd"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/containerd/config.toml"), []byte("version = 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	k := kindCluster{t, name, name + "-node:" + tag}
	removeImages(t, k.image)
	pack := exec.Command("sh", "-c", `tar -C "$0" -c . | docker import -c "ENTRYPOINT [\"$1\"]" -c "ENV PATH=$2" - "$3"`,
		dir, files[0], filepath.Dir(files[0])+":"+filepath.Dir(files[3])+":/usr/sbin:/usr/bin", k.image)
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("importing the image of the nodes: %v\n%s", err, out)
	}
	return k
}

// node starts a node and waits for its containerd. kind's own are privileged; these have what containerd needs.
func (k kindCluster) node(name, role string, args ...string) string {
	k.t.Helper()
	name = k.name + "-" + name
	args = append([]string{"run", "-d", "--name", name, "--label", "io.x-k8s.kind.cluster=" + k.name, "--label", "io.x-k8s.kind.role=" + role,
		"--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
		"--cgroupns", "host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup", "--tmpfs", "/run"}, args...)
	k.t.Cleanup(func() { exec.Command("docker", "rm", "-f", "-v", name).Run() })
	docker(k.t, append(args, k.image)...)
	testkit.WaitFor(k.t, "containerd in "+name, func() bool {
		return exec.Command("docker", "exec", name, "ctr", "--namespace=k8s.io", "images", "ls").Run() == nil
	})
	return name
}

// volume is where containerd keeps images: overlayfs cannot lie on itself.
var volume = []string{"-v", "/var/lib/containerd"}

// says runs an image in a node as a pod would name it, and gives what the program prints.
func (k kindCluster) says(node, ref string) string {
	k.t.Helper()
	full := "docker.io/library/" + ref
	cmd := exec.Command("docker", "exec", node, "ctr", "--namespace=k8s.io", "run", "--rm", "--cgroup", "", full, "fromscratch-test")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		k.t.Errorf("running %s in %s: %v\n%s", full, node, err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// sentBytes is how much an image's delivery has sent, by what it told.
func sentBytes(t *testing.T, r result) float64 {
	t.Helper()
	_, rest, found := strings.Cut(r.stderr, ", sent ")
	words := strings.Fields(rest)
	if !found || len(words) < 2 {
		t.Fatalf("nothing was sent")
	}
	n, err := strconv.ParseFloat(words[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return n * map[string]float64{"B": 1, "kB": 1e3, "MB": 1e6}[words[1]]
}

// teller is a program that tells a word and who it is.
func teller(word string) string {
	return fmt.Sprintf("package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() { fmt.Println(%q, os.Getuid()) }\n", word)
}

// An image goes to every node of a cluster, what a node has is not sent again, and pods find it by its name.
func TestHeavyKind(t *testing.T) {
	t.Parallel()
	k := newKind(t, "fromscratch-test-kind")
	const name = "fromscratch-test-kind-image"
	dir := project(t, map[string]string{"main.go": teller("first"), "magefile.go": magefileWith(`Name: "` + name + `"`)})
	to := []string{"IMAGE_OUTPUT=kind:" + k.name}
	a := k.node("control-plane", "control-plane", volume...)
	b := k.node("worker", "worker", volume...)
	balancer := k.node("external-load-balancer", "external-load-balancer", volume...)

	first := mage(t, dir, to, "image").wantOK(t)
	if first.stdout != name+":"+tag+"\n" || !strings.Contains(first.stderr, "loaded docker.io/library/"+name+":"+tag+` into 2 of 2 nodes of "`+k.name+`"`) {
		t.Error("the image is not told to be in two nodes")
	}
	for _, node := range []string{a, b} {
		if got := k.says(node, name+":"+tag); got != "first 65534" {
			t.Errorf("in %s the program says %q", node, got)
		}
	}
	if out := docker(t, "exec", balancer, "ctr", "--namespace=k8s.io", "images", "ls", "-q"); out != "" {
		t.Errorf("the load balancer has images: %s", out)
	}
	if out := exec.Command("docker", "image", "inspect", name+":"+tag).Run(); out == nil {
		t.Error("the engine has the image as well")
	}

	// Unchanged: nothing is compiled and nothing sent.
	r := mage(t, dir, to, "image").wantOK(t)
	if strings.Contains(r.stderr, "compile") || !strings.Contains(r.stderr, "is unchanged") || r.stdout != first.stdout {
		t.Error("an unchanged image is not known as one")
	}
	// One more node is sent the image, the others are not.
	c := k.node("worker2", "worker", volume...)
	joined := mage(t, dir, to, "image").wantOK(t)
	if !strings.Contains(joined.stderr, "into 1 of 3 nodes") || k.says(c, name+":"+tag) != "first 65534" {
		t.Error("the third node was not sent the image alone")
	}
	// A change of the program sends its layer alone; ssh carries it as well.
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(teller("second")), 0o644); err != nil {
		t.Fatal(err)
	}
	changed := mage(t, dir, append(newSSH(t, os.Getenv("PATH")).env(""), to...), "image").wantOK(t)
	if one, all := sentBytes(t, changed)/3, sentBytes(t, joined); one >= all*0.95 {
		t.Errorf("%f bytes were sent to each node, the image has %f", one, all)
	}
	for _, node := range []string{a, b, c} {
		if got := k.says(node, name+":"+tag); got != "second 65534" {
			t.Errorf("in %s the program says %q", node, got)
		}
	}
	// The name alone was lost, or a layer: the image is there again.
	docker(t, "exec", a, "ctr", "--namespace=k8s.io", "images", "rm", "--sync", "docker.io/library/"+name+":"+tag)
	if r := mage(t, dir, to, "image").wantOK(t); !strings.Contains(r.stderr, "into 1 of 3 nodes") || k.says(a, name+":"+tag) != "second 65534" {
		t.Error("a node that has lost the image was not sent it")
	}

	mage(t, dir, append(to, "IMAGE_PLATFORM=linux/arm64"), "image").wantError(t, 2, "the image is for linux/arm64, and the nodes run linux/", "fix: leave Platform")
	docker(t, "kill", b)
	mage(t, dir, to, "image").wantError(t, 3, b+" is exited", "fix: docker start "+b)
}

// What does not fit into a node is told in the words of its containerd, with the node's name.
func TestHeavyKindFull(t *testing.T) {
	t.Parallel()
	k := newKind(t, "fromscratch-test-kind-full")
	node := k.node("control-plane", "control-plane", "--tmpfs", "/var/lib/containerd:size=2m")
	dir := project(t, map[string]string{"magefile.go": magefileWith(`Name: "fromscratch-test-kind-full-image"`)})
	mage(t, dir, []string{"IMAGE_OUTPUT=kind:" + k.name}, "image").wantError(t, 3, node, "no space left on device", "fix: free space on the engine's disk")
}

// Clusters that are not there, and targets that cannot do with one.
func TestKindErrors(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	dir := project(t, nil)
	for _, test := range []struct {
		name, target string
		env          []string
		code         int
		want         []string
	}{
		{"no such cluster", "image", []string{"IMAGE_OUTPUT=kind:fromscratch-test-nowhere"}, 2, []string{`"fromscratch-test-nowhere"`, "fix: ", "kind create cluster --name fromscratch-test-nowhere"}},
		{"kind's own variable", "image", []string{"IMAGE_OUTPUT=kind", "KIND_CLUSTER_NAME=fromscratch-test-other"}, 2, []string{`"fromscratch-test-other"`, "fix: "}},
		{"no such cluster, planned", "imagePlan", []string{"IMAGE_OUTPUT=kind:fromscratch-test-nowhere"}, 2, []string{`"fromscratch-test-nowhere"`, "fix: "}},
		{"no name", "image", []string{"IMAGE_OUTPUT=kind:"}, 2, []string{`"kind:"`, "fix: use a name that"}},
		{"bad name", "image", []string{"IMAGE_OUTPUT=kind:Big"}, 2, []string{`"Big"`, "fix: use a name that"}},
		{"name of something else", "image", []string{"IMAGE_OUTPUT=docker:x"}, 2, []string{`"docker:x"`, "fix: set it to"}},
		{"no engine", "image", []string{"IMAGE_OUTPUT=kind", "DOCKER_HOST=unix:///nowhere/docker.sock"}, 3, []string{"/nowhere/docker.sock", "fix: start Docker"}},
		{"run", "imageRun", []string{"IMAGE_OUTPUT=kind"}, 2, []string{`"kind"`, "imageRun", "fix: unset IMAGE_OUTPUT"}},
		{"dev", "imageDev", []string{"IMAGE_OUTPUT=kind:x"}, 2, []string{`"kind:x"`, "imageDev", "fix: unset IMAGE_OUTPUT"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mage(t, dir, test.env, test.target).wantError(t, test.code, test.want...)
			if _, err := os.Stat(filepath.Join(dir, "dist")); !os.IsNotExist(err) {
				t.Errorf("something was built (%v)", err)
			}
		})
	}
	mage(t, dir, []string{"IMAGE_OUTPUT=kind:fromscratch-test-nowhere"}, "imageClean").wantOK(t)
}
