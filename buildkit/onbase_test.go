package buildkit_test

import (
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// asks is a program that says what it finds in its image.
const asks = `package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	if len(os.Args) > 1 {
		out, err := exec.Command("/bin/sh", "-c", os.Args[1]).CombinedOutput()
		fmt.Print(string(out))
		if err != nil {
			fmt.Println(err)
		}
		return
	}
	wd, _ := os.Getwd()
	fmt.Println(os.Getuid(), wd, os.Getenv("HOME"), os.Getenv("FROM"), os.Getenv("WHO"))
}
`

func asking(t *testing.T) string {
	t.Helper()
	return module(t, map[string]string{"go.mod": "module example.com/asks\n\ngo 1.23\n", "main.go": asks})
}

// A static program on a base with a shell: both work in one image, the base's configuration is inherited, its files
// stay, and nothing of it is sent to the engine that has it.
func TestBaseInTheEngine(t *testing.T) {
	base := imported(t, alpine(t), "static", "ENV FROM=base WHO=base", "EXPOSE 9000", "LABEL a=base b=base")
	c := buildkit.Config{Base: base, Repo: repo + "onstatic", Env: map[string]string{"WHO": "us"}, Labels: map[string]string{"b": "us"},
		Files: []config.File{{From: "main.go", To: "/var/run/main.go"}}, Ports: []string{"80"}}
	built := mustBuildOn(t, asking(t), c)
	l := watchLoads(t)
	l.load(t, built)
	ref := built.Plan.Reference
	if len(l.sizes) != 1 || l.sizes[0] > ours(built)+100_000 {
		t.Errorf("%v bytes were sent, of our own layers with %d", l.sizes, ours(built))
	}
	if got := inImage(t, nil, ref); got != "65534 /data /data base us\n" {
		t.Errorf("the program says %q", got)
	}
	if got := inImage(t, nil, ref, "id -un; cat /etc/passwd /etc/os-release; stat -c '%n %a %u' /tmp /root /data /run/main.go; ls -ld /var/run | cut -c1"); got !=
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
	if history := output(t, "", "docker", "history", "--no-trunc", ref); !strings.Contains(history, "Imported from -") && !strings.Contains(history, "program:") {
		t.Errorf("the history is\n%s", history)
	}
}

// ours is the size of the layers above the base, in bytes.
func ours(built *buildkit.Built) int64 {
	var size int64
	for _, l := range built.Image.Layers {
		if l.Comment == "fromscratch" {
			size += l.Size
		}
	}
	return size
}

// A program of musl finds its C library in the base, and brings none.
func TestBaseOfMusl(t *testing.T) {
	need(t, "musl-gcc")
	base := imported(t, alpine(t), "musl")
	built := mustBuildOn(t, ownCopy(t, "musl"), buildkit.Config{
		Base: base, Repo: repo + "onmusl", Cgo: "on", GoEnv: map[string]string{"CC": "musl-gcc"},
	})
	for _, e := range built.Tree.Entries() {
		if strings.HasPrefix(e.Path, "/lib/") {
			t.Errorf("%s is in our layers, and the base has it", e.Path)
		}
	}
	if got := inImage(t, nil, load(t, built)); got != "glibc: false user: nobody\n" {
		t.Errorf("the program says %q", got)
	}
}

// A program of glibc does not fit a base of musl, nor one without a C library; the fixes have names.
func TestBaseOfAnotherLibrary(t *testing.T) {
	need(t, "gcc")
	root := alpine(t)
	base := imported(t, root, "misfit")
	_, err := buildOn(t, ownCopy(t, "resolver"), buildkit.Config{Base: base, Repo: repo + "misfit", Cgo: "on"})
	wantWords(t, err, "is for glibc", "/lib64/ld-linux-x86-64.so.2", base+" has musl at /lib/ld-musl-x86_64.so.1",
		"CC=musl-gcc", `Cgo: "off"`, "libc.musl-x86_64.so.1", "gcompat", "own risk")
}
