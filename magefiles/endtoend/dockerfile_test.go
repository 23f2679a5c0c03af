package endtoend_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// The Dockerfile of an example builds the same image as fromscratch, with the classic builder or with BuildKit: the
// same files, owners, modes and links, the same program, the same configuration.
func TestHeavyDockerfileOfExamples(t *testing.T) {
	testkit.NeedEngine(t)
	builder := buildertest.Image(t)
	for _, row := range []struct {
		example string
		images  []string
		cgo     string // pkg-config name
		run     func(t *testing.T, name, ref string)
	}{
		{"hello", []string{"hello"}, "", func(t *testing.T, _, ref string) {
			id := container(t, "-p", "127.0.0.1::8080", ref)
			if got := get(t, "http://"+strings.TrimSpace(docker(t, "port", id, "8080/tcp"))+"/"); !strings.Contains(got, "as uid 65534 in /data") {
				t.Errorf("the server says %q, want uid 65534 and its home", got)
			}
		}},
		{"files", []string{"web", "clock"}, "", func(t *testing.T, name, ref string) {
			if name == "clock" {
				if got, want := docker(t, "run", "--rm", ref, "-at", "0", "-zone", "Asia/Tokyo"), "here:  1970-01-01 01:00 CET\nthere: 1970-01-01 09:00 JST\n"; got != want {
					t.Errorf("the clock says %q, want %q", got, want)
				}
				return
			}
			id := container(t, "-p", "127.0.0.1::8080", ref)
			if got := get(t, "http://"+strings.TrimSpace(docker(t, "port", id, "8080/tcp"))+"/css/style.css"); got == "" {
				t.Error("the server returns an empty style sheet")
			}
		}},
		{"sqlite", []string{"sqlite"}, "sqlite3", func(t *testing.T, _, ref string) {
			if got := docker(t, "run", "--rm", ref); !strings.HasPrefix(got, "visit 1 at ") {
				t.Errorf("the program prints %q, want the first row", got)
			}
		}},
	} {
		t.Run(row.example, func(t *testing.T) {
			if row.cgo != "" {
				testkit.NeedPackage(t, row.cgo)
			}
			dir := example(t, row.example)
			removeImages(t, tagged(row.images)...)
			mage(t, dir, []string{"IMAGE_TAG=" + dockerfileTag}, "image").wantOK(t)
			files := strings.Fields(mage(t, dir, nil, "imageDockerfile").wantOK(t).stdout)
			if len(files) != 2*len(row.images) {
				t.Fatalf("stdout names %q, want two files for each of %q", files, row.images)
			}
			for i, name := range row.images {
				if slices.Contains(covered, name) && !allDockerfiles() {
					continue
				}
				for _, b := range dockerBuilds(t, name) {
					t.Run(name+"/"+b.name, func(t *testing.T) {
						ref := b.build(t, dir, files[2*i], builder)
						compareTrees(t, exported(t, name+":"+dockerfileTag), exported(t, ref))
						compareConfigs(t, name+":"+dockerfileTag, ref)
						row.run(t, name, ref)
					})
				}
			}
		})
	}
}

// Both builders keep the capabilities of files on the way from stage to stage.
func TestHeavyDockerfileOfCapabilities(t *testing.T) {
	testkit.NeedEngine(t)
	builder := buildertest.Image(t)
	const name = "fromscratch-test-dockercaps"
	dir := project(t, map[string]string{
		"main.go": binder,
		"magefile.go": magefileWith(`Name: "` + name + `", Program: "/opt/acme/server", Capabilities: []string{"cap_net_bind_service"}, Files: []targets.File{
			{From: "tool", To: "/opt/tool", Mode: 0o755, Owner: "7:8", Capabilities: []string{"cap_net_bind_service"}}}`),
	})
	runCommand(t, command(t, dir, []string{"CGO_ENABLED=0", "GOOS=linux"}, "go", "build", "-o", "tool", ".")).wantOK(t)
	own := name + ":" + dockerfileTag
	removeImages(t, own)
	mage(t, dir, []string{"IMAGE_TAG=" + dockerfileTag}, "image").wantOK(t)
	file := strings.Fields(mage(t, dir, nil, "imageDockerfile").wantOK(t).stdout)[0]
	for _, b := range everyDockerBuild(t) {
		t.Run(b.name, func(t *testing.T) {
			ref := b.build(t, dir, file, builder)
			compareTrees(t, exported(t, own), exported(t, ref))
			for _, program := range []string{"/opt/acme/server", "/opt/tool"} {
				args := append([]string{"run", "--rm", "--label=fromscratch-test", "--entrypoint=" + program}, privilegedPorts...)
				if got := docker(t, append(args, ref)...); got != bound {
					t.Errorf("%s says %q, want %q", program, got, bound)
				}
			}
		})
	}
}

// covered are images whose Dockerfiles have nothing that the others do not cover. Their Dockerfiles are always written, but
// built only if FROMSCRATCH_TEST_DOCKERFILES is "all": that takes minutes each.
var covered = []string{"hello", "clock"}

// dockerfileTag is the tag of the images of fromscratch in these tests. Other tests remove images with the usual tag.
const dockerfileTag = tag + "-dockerfile"

func tagged(names []string) []string {
	var refs []string
	for _, n := range names {
		refs = append(refs, n+":"+dockerfileTag)
	}
	return refs
}

// dockerBuild is a way to build a Dockerfile.
type dockerBuild struct {
	name string
	env  func(t *testing.T) []string
	text func(string) string
}

var (
	// classic is the builder without support for mounts. They are removed, as the file says.
	classic = dockerBuild{"classic", func(*testing.T) []string { return []string{"DOCKER_BUILDKIT=0"} },
		func(s string) string { return regexp.MustCompile(`--mount=[^ ]* `).ReplaceAllString(s, "") }}
	buildKit = dockerBuild{"buildkit", func(*testing.T) []string { return []string{"DOCKER_BUILDKIT=1", "BUILDX_NO_DEFAULT_ATTESTATIONS=1"} }, func(s string) string { return s }}
)

// build builds a Dockerfile of the targets. The image is removed when the test ends.
func (b dockerBuild) build(t *testing.T, dir, file, builder string) string {
	t.Helper()
	env := b.env(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ref := "fromscratch-test-dockerfile-" + b.name + ":" + tag
	args := []string{"build", "--rm", "--force-rm", "--network", "host", "--build-arg", "GO_IMAGE=" + builder, "--build-arg", "GOPROXY=" + moduleProxy(t), "-t", ref}
	if changed := b.text(string(text)); changed != string(text) {
		file, text = "-", []byte(changed)
	}
	cmd := command(t, dir, env, "docker", append(args, "-f", file, ".")...)
	cmd.Stdin = bytes.NewReader(text)
	r := runCommand(t, cmd)
	t.Cleanup(func() { removeStages(ref, r.stdout) })
	r.wantOK(t)
	return ref
}

// removeStages removes an image, and the images of its stages that the classic builder has left.
func removeStages(ref, output string) {
	exec.Command("docker", "image", "rm", "-f", ref).Run()
	ids := regexp.MustCompile(`(?m)^ ---> ([0-9a-f]{12})$`).FindAllStringSubmatch(output, -1)
	for _, m := range slices.Backward(ids) {
		out, err := exec.Command("docker", "image", "inspect", "-f", "{{.RepoTags}}", m[1]).Output()
		if err == nil && strings.TrimSpace(string(out)) == "[]" {
			exec.Command("docker", "image", "rm", m[1]).Run()
		}
	}
}

// dockerBuilds returns the builders for the Dockerfile of an image. The docker command of Debian 12 has the classic one, which is
// part of the engine, and no package of BuildKit's client; CI compiles that. Each step of a Dockerfile takes the classic builder
// up to a minute, so it builds one without mounts, and BuildKit the one with all kinds of mounts, unless
// FROMSCRATCH_TEST_DOCKERFILES is "all".
func dockerBuilds(t *testing.T, name string) []dockerBuild {
	all := everyDockerBuild(t)
	switch {
	case allDockerfiles():
		return all
	case name == "sqlite":
		return all[len(all)-1:]
	default:
		return all[:1]
	}
}

// everyDockerBuild returns the classic builder, and BuildKit if there is a client or CI compiles one.
func everyDockerBuild(t *testing.T) []dockerBuild {
	modern := buildKit
	if exec.Command("docker", "buildx", "version").Run() != nil {
		if os.Getenv("CI") != "true" {
			return []dockerBuild{classic}
		}
		config := compiledBuildx(t)
		modern.env = func(t *testing.T) []string { return append(buildKit.env(t), "DOCKER_CONFIG="+config) }
	}
	return []dockerBuild{classic, modern}
}

// allDockerfiles reports whether every Dockerfile is built by every builder.
func allDockerfiles() bool { return os.Getenv("FROMSCRATCH_TEST_DOCKERFILES") == "all" }

// compiledBuildx returns a configuration folder of the docker command with buildx. It is kept for later runs.
func compiledBuildx(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(cache, "fromscratch-test", "buildx-"+measure.BuildxVersion)
	plugin := filepath.Join(config, "cli-plugins", "docker-buildx")
	if _, err := os.Stat(plugin); err == nil {
		return config
	}
	if err := os.MkdirAll(filepath.Dir(plugin), 0o755); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	made := filepath.Join(temp, "docker-buildx")
	if err := measure.CompileTool(context.Background(), os.Environ(), temp, made, measure.BuildxPackage, measure.BuildxVersion); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(made)
	if err == nil {
		err = errors.Join(os.WriteFile(plugin+".new", content, 0o755), os.Rename(plugin+".new", plugin))
	}
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// moduleProxy serves this machine's module cache, so that a build needs no other network. It returns the address.
func moduleProxy(t *testing.T) string {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(filepath.Join(strings.TrimSpace(string(cache)), "cache", "download")))}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// exportedEntry describes a path in a container of an image.
type exportedEntry struct {
	kind     byte
	mode     int64
	uid, gid int
	link     string
	sum      string
	capable  string // the capabilities
}

func (e exportedEntry) String() string {
	return fmt.Sprintf("%c %04o %d:%d %s %s %x", e.kind, e.mode, e.uid, e.gid, e.link, e.sum, e.capable)
}

// exported reads the file tree of an image.
func exported(t *testing.T, ref string) map[string]exportedEntry {
	t.Helper()
	id := strings.TrimSpace(docker(t, "create", "--label", "fromscratch-test", ref))
	defer docker(t, "rm", "-v", id)
	cmd := exec.Command("docker", "export", id)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	entries := map[string]exportedEntry{}
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, r); err != nil {
			t.Fatal(err)
		}
		entries["/"+strings.Trim(h.Name, "/")] = exportedEntry{h.Typeflag, h.Mode & 0o7777, h.Uid, h.Gid, h.Linkname, fmt.Sprintf("%x", sum.Sum(nil)[:6]), h.PAXRecords["SCHILY.xattr.security.capability"]}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return entries
}

// otherBytes reports whether the content of a path may differ: the Dockerfile takes these files from the distribution,
// and fromscratch has its own.
func otherBytes(name string) bool {
	switch name {
	case "/etc/services", "/etc/protocols", "/etc/mime.types":
		return true
	}
	return strings.HasPrefix(name, "/usr/share/zoneinfo/")
}

// compareTrees compares the files of two images, path by path.
func compareTrees(t *testing.T, ours, theirs map[string]exportedEntry) {
	t.Helper()
	if len(ours) < 10 {
		t.Fatalf("the image of fromscratch has %d paths, want at least 10", len(ours))
	}
	all := maps.Clone(ours)
	maps.Copy(all, theirs)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, hasA := ours[name]
		b, hasB := theirs[name]
		if otherBytes(name) {
			a.sum, b.sum = "", ""
		}
		switch {
		case !hasB:
			t.Errorf("%s: missing in the Dockerfile's image; in that of fromscratch it is %s", name, a)
		case !hasA:
			t.Errorf("%s: missing in the image of fromscratch; in the Dockerfile's it is %s", name, b)
		case a != b:
			t.Errorf("%s: in the image of fromscratch it is %s, in the Dockerfile's %s", name, a, b)
		}
	}
}

// runConfig is the part of an image's configuration that decides how it runs.
type runConfig struct {
	Entrypoint, Cmd       []string
	Env                   []string
	User, WorkingDir      string
	ExposedPorts, Volumes map[string]struct{}
	Labels                map[string]string
	Healthcheck           any
	StopSignal            string
}

// compareConfigs compares how two images run, except for what the builders add: PATH, and the label of fromscratch.
func compareConfigs(t *testing.T, ours, theirs string) {
	t.Helper()
	var configs [2]runConfig
	for i, ref := range []string{ours, theirs} {
		c := &configs[i]
		if err := json.Unmarshal([]byte(docker(t, "image", "inspect", "-f", "{{json .Config}}", ref)), c); err != nil {
			t.Fatal(err)
		}
		c.Env = slices.DeleteFunc(c.Env, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") })
		slices.Sort(c.Env)
		delete(c.Labels, "io.github.fromscratch-go.image")
		if len(c.Labels) == 0 {
			c.Labels = nil
		}
		if len(c.Cmd) == 0 {
			c.Cmd = nil
		}
	}
	if !reflect.DeepEqual(configs[0], configs[1]) {
		t.Errorf("the image of fromscratch has %+v, the Dockerfile's %+v", configs[0], configs[1])
	}
	if a, b := docker(t, "image", "inspect", "-f", "{{.Os}}/{{.Architecture}}", ours), docker(t, "image", "inspect", "-f", "{{.Os}}/{{.Architecture}}", theirs); a != b {
		t.Errorf("the image of fromscratch is for %s, the Dockerfile's for %s", a, b)
	}
}
