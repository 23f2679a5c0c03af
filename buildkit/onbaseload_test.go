package buildkit_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// eachEngine runs a test with the machine's own engine, and with those of FROMSCRATCH_TEST_ENGINES, a list of
// DOCKER_HOSTs.
func eachEngine(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Run("default", test)
	for _, host := range strings.Fields(os.Getenv("FROMSCRATCH_TEST_ENGINES")) {
		t.Run(host, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", host)
			test(t)
		})
	}
}

// noNetwork is how a container is run in an engine that has no bridge.
var noNetwork = []string{"--network", "none"}

// A static program on a base with a shell: both work in one image, the base's configuration is inherited, its files
// stay, and nothing of it is sent to the engine that has it.
func TestBaseInTheEngine(t *testing.T) { eachEngine(t, baseInTheEngine) }

func baseInTheEngine(t *testing.T) {
	base := imported(t, alpine(t), "static", "ENV FROM=base WHO=base", "EXPOSE 9000", "LABEL a=base b=base")
	c := buildkit.Config{Base: base, Repo: repo + "onstatic", Env: map[string]string{"WHO": "us"}, Labels: map[string]string{"b": "us"},
		Files: []config.File{{From: "main.go", To: "/var/run/main.go"}}, Ports: []string{"80"}}
	built := mustBuildOn(t, asking(t), c)
	for _, v := range built.Plan.Values {
		if v.Name == "base" && (!strings.HasPrefix(v.Value, base+" (sha256:") || !strings.Contains(v.Origin, "the engine")) {
			t.Errorf("the plan says %+v", v)
		}
	}
	l := watchLoads(t)
	l.load(t, built)
	ref := built.Plan.Reference
	if sizes := l.sent(); len(sizes) != 1 || sizes[0] > ours(built)+100_000 {
		t.Errorf("%v bytes were sent, of our own layers with %d", sizes, ours(built))
	}
	if got := inImage(t, noNetwork, ref); got != "65534 /data /data base us\n" {
		t.Errorf("the program says %q", got)
	}
	if got := inImage(t, noNetwork, ref, "id -un; cat /etc/passwd /etc/os-release; stat -c '%n %a %u' /tmp /root /data /run/main.go; ls -ld /var/run | cut -c1"); got !=
		"nobody\nroot:x:0:0:root:/root:/bin/sh\nweb:x:101:101:web:/home/web:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\nID=alpine\n"+
			"/tmp 1777 0\n/root 700 0\n/data 755 65534\n/run/main.go 644 0\nl\n" {
		t.Errorf("the image has\n%s", got)
	}
	inspect := output(t, "", "docker", "image", "inspect", "-f", "{{json .Config.Labels}} {{json .Config.ExposedPorts}} {{.Config.StopSignal}} {{len .RootFS.Layers}}", ref)
	for _, want := range []string{`"a":"base"`, `"b":"us"`, `"80/tcp"`, `"9000/tcp"`, " 4"} {
		if !strings.Contains(inspect, want) {
			t.Errorf("the configuration is %s, which lacks %s", inspect, want)
		}
	}
	if history := output(t, "", "docker", "history", "--no-trunc", ref); !strings.Contains(history, "Imported from") || !strings.Contains(history, "program:") {
		t.Errorf("the history is\n%s", history)
	}
}

// When the engine loses the base after it was asked, everything is sent once.
func TestBaseThatTheEngineLoses(t *testing.T) { eachEngine(t, baseThatTheEngineLoses) }

func baseThatTheEngineLoses(t *testing.T) {
	base := imported(t, alpine(t), "lost")
	built := mustBuildOn(t, asking(t), buildkit.Config{Base: base, Repo: repo + "onlost"})
	l := watchLoads(t)
	l.before = func() { output(t, "", "docker", "image", "rm", base) }
	l.load(t, built)
	if got := inImage(t, noNetwork, built.Plan.Reference); got != "65534 /data /data  \n" {
		t.Errorf("the program says %q", got)
	}
	if sizes := l.sent(); len(sizes) != 2 || sizes[1] < sizes[0]+1_000_000 {
		t.Errorf("%v bytes were sent, want the base in the second try", sizes)
	}
}

// The next program is sent without the base, by whatever names its layers are there, and an image that is there is not sent at all.
func TestBaseIsSentOnce(t *testing.T) { eachEngine(t, baseIsSentOnce) }

func baseIsSentOnce(t *testing.T) {
	base := imported(t, alpine(t), "once")
	dir := asking(t)
	c := buildkit.Config{Base: base, Repo: repo + "ononce", Files: []config.File{{From: "go.mod", To: "/srv/go.mod"}}}
	l := watchLoads(t)
	say := func(word string) []int64 {
		t.Helper()
		text := strings.Replace(asks, `os.Getenv("WHO")`, `"`+word+`"`, 1)
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		built := mustBuildOn(t, dir, c)
		l.load(t, built)
		if got := inImage(t, noNetwork, built.Plan.Reference); got != "65534 /data /data  "+word+"\n" {
			t.Errorf("the program says %q, want %q", got, word)
		}
		engine, err := docker.Open(context.Background(), docker.Options{Options: host.Options{Getenv: os.Getenv}})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		if there, err := built.Deliverable().Loaded(context.Background(), engine); err != nil || !there {
			t.Errorf("the engine has the image: %v (%v)", there, err)
		}
		sizes := l.sent()
		for _, size := range sizes {
			if size > ours(built)+100_000 {
				t.Errorf("%d bytes were sent for %q, our own layers have %d", size, word, ours(built))
			}
		}
		return sizes
	}
	first := say("one")
	if again := say("one"); len(first) != 1 || len(again) != 0 {
		t.Errorf("%v bytes were sent, and %v for the unchanged image", first, again)
	}
	if second := say("two"); len(second) != 1 || second[0] >= first[0] {
		t.Errorf("%v bytes were sent after %v", second, first)
	}
}
