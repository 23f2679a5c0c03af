package deliver_test

import (
	"archive/tar"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// unique returns a name that no other test on the machine uses.
func unique() string { return fmt.Sprintf("fromscratch-test-deliver-%x", rand.Uint64()) }

var needEngine = testkit.NeedEngine

// engineID returns the image's ID in the engine: the digest of its manifest in containerd's image store, else that of its
// configuration.
func engineID(t *testing.T, img *image.Image) string {
	t.Helper()
	if strings.Contains(run(t, "docker", "info", "--format", "{{json .DriverStatus}}"), "io.containerd.snapshotter") {
		return string(img.ManifestDigest)
	}
	return string(img.ConfigDigest)
}

// removeLater removes the image by its names, and nothing else, at the end of the test.
func removeLater(t *testing.T, refs ...string) {
	t.Cleanup(func() {
		for _, ref := range refs {
			_ = exec.Command("docker", "image", "rm", ref).Run() // a failed test may not have loaded all of them
		}
	})
}

// program runs in the image and prints what it finds there.
const program = `package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	content, err := os.ReadFile("/srv/Grüße")
	dir, _ := os.Getwd()
	fmt.Printf("%s, %v, %v, %d:%d in %s, GREETING=%s\n", content, err, os.Args, os.Getuid(), os.Getgid(), dir, os.Getenv("GREETING"))
	if err := os.WriteFile("mine", nil, 0o600); err != nil {
		fmt.Println(err)
	}
	for _, path := range []string{"/data", "/tmp", "/hello", "/link"} {
		info, err := os.Lstat(path)
		if err != nil {
			fmt.Println(err)
			continue
		}
		s := info.Sys().(*syscall.Stat_t)
		fmt.Println(path, info.Mode(), s.Uid, s.Gid, info.ModTime().Unix())
	}
	target, err := os.Readlink("/link")
	fmt.Println(target, err)
	n, err := syscall.Getxattr("/srv/Grüße", "security.capability", make([]byte, 64))
	fmt.Println(n, err)
}
`

// buildProgram compiles the program, static and for the engine's system.
func buildProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "hello")
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", binary, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// netBindService is a capability as the kernel stores it with a file: struct vfs_cap_data of linux/capability.h,
// revision 2, with bit 10 permitted and nothing inherited.
const netBindService = "\x00\x00\x00\x02" + "\x00\x04\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// hello returns an image with the program and two layers, one that stays and one that changes. The label makes it
// different from the images of other tests.
func hello(t *testing.T, label, greeting string) *image.Image {
	t.Helper()
	header := func(h tar.Header) image.File { return image.File{Header: h} }
	greeted := text("srv/Grüße", "hello")
	greeted.Header.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": netBindService}
	system := layer(t, "system files",
		header(tar.Header{Name: "data/", Mode: 0o700, Uid: 65534, Gid: 65534}),
		header(tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "srv/nowhere"}),
		text("of", label), // a unique diff ID: no earlier run has loaded this layer
		header(tar.Header{Name: "srv/", Mode: 0o755}), greeted,
		header(tar.Header{Name: "tmp/", Mode: 0o1777}))
	return newImage(t, image.Config{
		Entrypoint: []string{"/hello", "a b"}, Cmd: []string{"default"}, Env: []string{"GREETING=" + greeting},
		User: "65534:65534", Workdir: "/data", Ports: []string{"8080"}, Volumes: []string{"/var/cache"}, StopSignal: "SIGINT",
		Labels:      map[string]string{"fromscratch-test": label},
		Healthcheck: &image.Healthcheck{Test: []string{"/hello", "-health"}, Interval: time.Second, StartInterval: time.Second},
	}, system, layer(t, "the program "+greeting, onDisk(t, "hello", buildProgram(t)), text("zz", greeting)))
}

// told returns what the program prints in the image.
func told(args, greeting string) string {
	return fmt.Sprintf(`hello, <nil>, [/hello a b %s], 65534:65534 in /data, GREETING=%s
/data drwx------ 65534 65534 0
/tmp dtrwxrwxrwx 0 0 0
/hello -rwxr-xr-x 0 0 0
/link Lrwxrwxrwx 0 0 0
srv/nowhere <nil>
20 <nil>
`, args, greeting)
}

// dataTime makes the time of /data, in which the program has written a file, comparable.
func dataTime(output string) string {
	lines := strings.Split(output, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "/data ") {
			lines[i] = line[:strings.LastIndex(line, " ")] + " 0"
		}
	}
	return strings.Join(lines, "\n")
}

func TestDockerLoadsAndRuns(t *testing.T) {
	t.Parallel()
	needEngine(t)
	name := unique()
	refs := []string{name, "registry.invalid/acme/" + name + ":1.2"}
	removeLater(t, name+":latest", refs[1])
	img := hello(t, name, "first")
	run(t, "docker", "load", "--input", writtenFile(t, deliver.Archive{Image: img, Refs: refs}))

	for _, ref := range refs {
		if got, want := strings.TrimSpace(run(t, "docker", "image", "inspect", "--format", "{{.Id}}", ref)), engineID(t, img); got != want {
			t.Errorf("%s has the ID %s, want %s", ref, got, want)
		}
	}
	format := `{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{json .Config.Env}} {{.Config.User}} {{.Config.WorkingDir}} ` +
		`{{json .Config.ExposedPorts}} {{json .Config.Volumes}} {{.Config.StopSignal}} {{json .Config.Healthcheck.Test}} {{.Os}} {{json .RootFS.Layers}}`
	want := fmt.Sprintf(`["/hello","a b"] ["default"] ["GREETING=first"] 65534:65534 /data {"8080/tcp":{}} {"/var/cache":{}} `+
		`SIGINT ["CMD","/hello","-health"] linux [%q,%q]`, img.Layers[0].DiffID, img.Layers[1].DiffID)
	if got := strings.TrimSpace(run(t, "docker", "image", "inspect", "--format", format, name)); got != want {
		t.Errorf("the engine knows\n%s, want\n%s", got, want)
	}
	if got, want := run(t, "docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}, {{.Comment}}", name),
		"the program first, fromscratch\nsystem files, fromscratch\n"; got != want {
		t.Errorf("the history is\n%swant\n%s", got, want)
	}
	if got, want := dataTime(run(t, "docker", "run", "--rm", "--network=none", "--name", name, name)), told("default", "first"); got != want {
		t.Errorf("the program printed\n%swant\n%s", got, want)
	}
}

// The engine has the lower layer from the first image, and the archive of the second omits it.
func TestDockerLoadsWithoutTheLayersItHas(t *testing.T) {
	t.Parallel()
	needEngine(t)
	name := unique()
	removeLater(t, name+":one", name+":two")
	first, second := hello(t, name, "first"), hello(t, name, "second")
	if first.Layers[0].DiffID != second.Layers[0].DiffID || first.Layers[1].DiffID == second.Layers[1].DiffID {
		t.Fatal("the images must differ in the upper layer and in nothing below")
	}
	load := func(img *image.Image, ref string, omit func(digest.Digest) bool) {
		run(t, "docker", "load", "--input", writtenFile(t, deliver.Archive{Image: img, Refs: []string{ref}, Omit: omit}))
	}
	load(first, name+":one", nil)
	load(second, name+":two", func(d digest.Digest) bool { return d == first.Layers[0].DiffID })
	if got, want := strings.TrimSpace(run(t, "docker", "image", "inspect", "--format", "{{.Id}}", name+":two")), engineID(t, second); got != want {
		t.Errorf("the ID is %s, want %s", got, want)
	}
	if got, want := dataTime(run(t, "docker", "run", "--rm", "--network=none", "--name", name, name+":two", "x")), told("x", "second"); got != want {
		t.Errorf("the program printed\n%swant\n%s", got, want)
	}
}

// docker load reads a stream, as package docker sends it.
func TestDockerLoadsAStream(t *testing.T) {
	t.Parallel()
	needEngine(t)
	name := unique()
	removeLater(t, name+":latest")
	img := newImage(t, image.Config{Labels: map[string]string{"fromscratch-test": name}}, layer(t, "a file", text("a", name)))
	cmd := exec.Command("docker", "load")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writeErr := deliver.Archive{Image: img, Refs: []string{name}}.Write(context.Background(), stdin)
	stdin.Close()
	if err := cmd.Wait(); err != nil || writeErr != nil {
		t.Fatalf("writing: %v, loading: %v\n%s", writeErr, err, out.String())
	}
	if got, want := strings.TrimSpace(out.String()), "Loaded image: "+name+":latest"; got != want {
		t.Errorf("docker says %q, want %q", got, want)
	}
}

// The real engine and podman take their own platform from several.
func TestEnginesLoadTheirPlatform(t *testing.T) {
	t.Parallel()
	needEngine(t)
	testkit.Need(t, "podman")
	name := unique()
	removeLater(t, name+":latest")
	own := hello(t, name, "own")
	foreign := imageOn(t, "riscv64", own.Layers...)
	path := writtenFile(t, deliver.Archive{Images: []*image.Image{foreign, own}, Platform: own.Config().Platform, Refs: []string{name}})
	run(t, "docker", "load", "--input", path)
	if got, want := dataTime(run(t, "docker", "run", "--rm", "--network=none", "--name", name, name)), told("default", "own"); got != want {
		t.Errorf("the program printed\n%swant\n%s", got, want)
	}
	storage := shortDir(t)
	podman(t, storage, "load", "--input", path)
	if got := strings.TrimSpace(podman(t, storage, "image", "inspect", "--format", "{{.Architecture}} {{.Id}}", name)); got != runtime.GOARCH+" "+own.ConfigDigest.Encoded() {
		t.Errorf("podman has loaded %s, want %s", got, own.ConfigDigest)
	}
}
