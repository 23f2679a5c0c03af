//go:build linux

package endtoend_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// kindCluster imitates a cluster of kind, as far as images need it: its nodes are containers with kind's labels that run
// this machine's containerd. They have no Kubernetes.
type kindCluster struct {
	t     *testing.T
	name  string
	image string
}

// newKind makes the image of the nodes from this machine's containerd and its libraries.
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

// node starts a node and waits for its containerd. The nodes of kind are privileged. These have only what containerd needs.
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

// volume is a volume for containerd's images: overlayfs cannot be on top of overlayfs.
var volume = []string{"-v", "/var/lib/containerd"}

// run runs an image in a node, under the name that a pod uses, and returns the program's output.
func (k kindCluster) run(node, ref string) string {
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

// sentBytes returns how many bytes a run has sent, according to its progress.
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

// teller returns a program that prints a word and its user ID.
func teller(word string) string {
	return fmt.Sprintf(`package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println(%q, os.Getuid()) }
`, word)
}

// An image gets into every node of a cluster, a node is sent only what it lacks, and pods find the image by its name.
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
		t.Error("the progress does not report the image in two nodes")
	}
	for _, node := range []string{a, b} {
		if got := k.run(node, name+":"+tag); got != "first 65534" {
			t.Errorf("in %s the program prints %q", node, got)
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
		t.Error("the image is not reported as unchanged")
	}
	// Only a new node is sent the image.
	c := k.node("worker2", "worker", volume...)
	joined := mage(t, dir, to, "image").wantOK(t)
	if !strings.Contains(joined.stderr, "into 1 of 3 nodes") || k.run(c, name+":"+tag) != "first 65534" {
		t.Error("the image was not sent to the third node alone")
	}
	// After a change of the program only its layer is sent, here over ssh.
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(teller("second")), 0o644); err != nil {
		t.Fatal(err)
	}
	changed := mage(t, dir, append(newSSH(t, os.Getenv("PATH")).env(""), to...), "image").wantOK(t)
	if one, all := sentBytes(t, changed)/3, sentBytes(t, joined); one >= all*0.95 {
		t.Errorf("%f bytes were sent to each node, want much less than the image's %f", one, all)
	}
	for _, node := range []string{a, b, c} {
		if got := k.run(node, name+":"+tag); got != "second 65534" {
			t.Errorf("in %s the program prints %q", node, got)
		}
	}
	// A node that has lost the image is sent it again.
	docker(t, "exec", a, "ctr", "--namespace=k8s.io", "images", "rm", "--sync", "docker.io/library/"+name+":"+tag)
	if r := mage(t, dir, to, "image").wantOK(t); !strings.Contains(r.stderr, "into 1 of 3 nodes") || k.run(a, name+":"+tag) != "second 65534" {
		t.Error("the node that lost the image was not sent it")
	}

	mage(t, dir, append(to, "IMAGE_PLATFORM=linux/arm64"), "image").wantError(t, 2, "the image is for linux/arm64, and the nodes run linux/", "fix: leave Platform")
	docker(t, "kill", b)
	mage(t, dir, to, "image").wantError(t, 3, b+" is exited", "fix: docker start "+b)
}

// imageResolve brings the images that manifests name to the nodes, and the references are those of the images there. A changed image
// has another one.
func TestHeavyKindManifests(t *testing.T) {
	t.Parallel()
	k := newKind(t, "fromscratch-test-kind-manifests")
	const name = "fromscratch-test-kind-named"
	dir := project(t, map[string]string{"main.go": teller("first"), "magefile.go": magefileWith(`Name: "` + name + `"`), "k.yaml": "- fromscratch://" + name + " # named\n"})
	env := []string{"IMAGE_OUTPUT=kind:" + k.name, ownCache(t)}
	node := k.node("control-plane", "control-plane", volume...)

	var refs []string
	for _, word := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(teller(word)), 0o644); err != nil {
			t.Fatal(err)
		}
		r := mage(t, dir, env, "imageResolve", "--", "-f", "k.yaml").wantOK(t)
		m := regexp.MustCompile(`^- (` + name + `:([0-9a-f]{64})) # named\n$`).FindStringSubmatch(r.stdout)
		if m == nil {
			t.Fatalf("stdout is %q", r.stdout)
		}
		if in := docker(t, "exec", node, "ctr", "--namespace=k8s.io", "images", "ls", "name==docker.io/library/"+m[1]); !strings.Contains(in, " sha256:"+m[2]+" ") {
			t.Errorf("the node has\n%s\nwant the digest %s", in, m[2])
		}
		refs = append(refs, m[1])
	}
	// Pods of before can still start.
	if first, second := k.run(node, refs[0]), k.run(node, refs[1]); refs[0] == refs[1] || first != "first 65534" || second != "second 65534" {
		t.Errorf("%s prints %q and %s prints %q", refs[0], first, refs[1], second)
	}
	r := mage(t, dir, append(env, "IMAGE_FORMAT=json"), "imageResolve", "--", "-f", "k.yaml").wantOK(t)
	if !strings.Contains(r.stderr, refs[1]+" is unchanged") || !strings.Contains(r.stdout, `"reference": "`+refs[1]+`"`) || !strings.Contains(r.stdout, `"text": "- `+refs[1]+` # named\n"`) {
		t.Error("the third run is not about the same image")
	}
	mage(t, dir, append(env, "DOCKER_HOST=unix:///nowhere/docker.sock"), "imageResolve", "--", "-f", "k.yaml").wantError(t, 3, "/nowhere/docker.sock", "fix: ")
}

// If an image does not fit into a node, the error has the message of containerd and the node's name.
func TestHeavyKindFull(t *testing.T) {
	t.Parallel()
	k := newKind(t, "fromscratch-test-kind-full")
	node := k.node("control-plane", "control-plane", "--tmpfs", "/var/lib/containerd:size=2m")
	dir := project(t, map[string]string{"magefile.go": magefileWith(`Name: "fromscratch-test-kind-full-image"`)})
	mage(t, dir, []string{"IMAGE_OUTPUT=kind:" + k.name}, "image").wantError(t, 3, node, "no space left on device", "fix: free space on the engine's disk")
}

// The targets report clusters that do not exist, and targets that do not work with a cluster.
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
		{"no such cluster, imagePlan", "imagePlan", []string{"IMAGE_OUTPUT=kind:fromscratch-test-nowhere"}, 2, []string{`"fromscratch-test-nowhere"`, "fix: "}},
		{"no name", "image", []string{"IMAGE_OUTPUT=kind:"}, 2, []string{`"kind:"`, "fix: use a name that"}},
		{"bad name", "image", []string{"IMAGE_OUTPUT=kind:Big"}, 2, []string{`"Big"`, "fix: use a name that"}},
		{"name for docker", "image", []string{"IMAGE_OUTPUT=docker:x"}, 2, []string{`"docker:x"`, "fix: set it to"}},
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
