package endtoend_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// binder listens on port 80 and says as whom.
const binder = `package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	_, err := net.Listen("tcp", ":80")
	fmt.Printf("port 80 as %d: %v\n", os.Getuid(), err)
}
`

// privilegedPorts are the flags of a container where port 80 needs a capability, as on a machine. Docker lets everybody bind it.
var privilegedPorts = []string{"--network=none", "--sysctl=net.ipv4.ip_unprivileged_port_start=1024"}

const (
	bound   = "port 80 as 65534: <nil>\n"
	refused = "port 80 as 65534: listen tcp :80: bind: permission denied\n"
)

// A server that is not root binds port 80 if its file has the capability, the image's program or one of Files, in each engine.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	const name = "fromscratch-test-capabilities"
	dir := project(t, map[string]string{
		"main.go": binder,
		"magefile.go": magefileWith(`Name: "` + name + `", Capabilities: []string{"NET_BIND_SERVICE"}, Files: []targets.File{
			{From: "tool", To: "/opt/tool", Mode: 0o755, Owner: "7:8", Capabilities: []string{"cap_net_bind_service"}}, {From: "tool", To: "/opt/plain", Mode: 0o755}},
		}, targets.Config{Name: "` + name + `-none"`),
	})
	build := command(t, dir, []string{"CGO_ENABLED=0", "GOOS=linux"}, "go", "build", "-o", "tool", ".")
	runCommand(t, build).wantOK(t)
	removeImages(t, name+":"+tag, name+"-none:"+tag)
	mage(t, dir, nil, "image").wantOK(t)
	for _, row := range []struct{ image, program, want string }{
		{name, "/" + name, bound}, {name, "/opt/tool", bound}, {name, "/opt/plain", refused}, {name + "-none", "/" + name + "-none", refused},
	} {
		args := append([]string{"run", "--rm", "--label=fromscratch-test", "--entrypoint=" + row.program}, privilegedPorts...)
		if got := docker(t, append(args, row.image+":"+tag)...); got != row.want {
			t.Errorf("%s of %s says %q, want %q", row.program, row.image, got, row.want)
		}
	}
	t.Run("podman", func(t *testing.T) {
		testkit.Need(t, "podman")
		archive := strings.Fields(mage(t, dir, []string{"IMAGE_NAME=" + name}, "imageArchive").wantOK(t).stdout)[0]
		storage := shortFolder(t)
		podman := func(args ...string) string {
			t.Helper()
			return testkit.Output(t, "", "podman", append([]string{"--root", storage + "/root", "--runroot", storage + "/run", "--storage-driver", "vfs"}, args...)...)
		}
		podman("load", "-q", "-i", archive)
		// A limit that is set needs not be raised, which not every machine allows.
		args := append([]string{"run", "--rm", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"}, privilegedPorts...)
		if got := podman(append(args, name+":"+tag)...); got != bound {
			t.Errorf("the program says %q, want %q", got, bound)
		}
	})
	t.Run("pushed", func(t *testing.T) {
		testkit.Need(t, "skopeo", "umoci", "getcap")
		host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
		ref := strings.TrimSpace(mage(t, dir, []string{"IMAGE_NAME=" + name, "IMAGE_REPO=" + host + "/acme/app"}, "imagePush").wantOK(t).stdout)
		to := t.TempDir()
		from := "docker://" + strings.Replace(ref, ":"+tag, "", 1)
		testkit.Output(t, to, "skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false", from, "dir:blobs")
		testkit.Output(t, to, "skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false", from, "oci:layout:app")
		// As setcap(8) writes it: revision 2 with the flag "effective", and bit 10.
		const record = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		records := recordsIn(t, filepath.Join(to, "blobs"))
		for _, file := range []string{name, "opt/tool"} {
			if got := records[file]; len(got) != 1 || got["SCHILY.xattr.security.capability"] != record {
				t.Errorf("%s has the records %q", file, got)
			}
		}
		if len(records) != 2 {
			t.Errorf("the files with records are %q", records)
		}
		if os.Getuid() != 0 {
			testkit.Skip(t, "only root unpacks capabilities")
		}
		testkit.Output(t, to, "umoci", "unpack", "--image", "layout:app", "bundle")
		for file, want := range map[string]string{name: " cap_net_bind_service=ep\n", "opt/tool": " cap_net_bind_service=ep\n", "opt/plain": ""} {
			at := filepath.Join(to, "bundle/rootfs", file)
			if got := strings.TrimPrefix(testkit.Output(t, "", "getcap", at), at); got != want {
				t.Errorf("getcap says %q of the unpacked %s, want %q", got, file, want)
			}
		}
	})
}

// shortFolder returns a folder that the test removes. podman makes files in it that belong to others, and refuses long paths.
func shortFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// recordsIn returns the PAX records of all files in the layers of skopeo's directory.
func recordsIn(t *testing.T, dir string) map[string]map[string]string {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]map[string]string{}
	for _, name := range blobs {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			continue // a manifest or a configuration
		}
		for r := tar.NewReader(z); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(h.PAXRecords) > 0 {
				records[h.Name] = h.PAXRecords
			}
		}
	}
	return records
}

// sniffer captures a packet that it sends to itself, and says whether its loader trusts the environment.
const sniffer = `package main

/*
#cgo pkg-config: libpcap
#include <pcap.h>
#include <sys/auxv.h>

static int capture(pcap_t *p) {
	struct pcap_pkthdr *h;
	const u_char *data;
	int n;
	while ((n = pcap_next_ex(p, &h, &data)) == 0) {}
	return n == 1 ? (int)h->caplen : n;
}
*/
import "C"

import (
	"fmt"
	"net"
	"os"
)

func main() {
	var text [C.PCAP_ERRBUF_SIZE]C.char
	p := C.pcap_open_live(C.CString("lo"), 1500, 0, 10, &text[0])
	if p == nil {
		fmt.Printf("as %d, secure %d: %s\n", os.Getuid(), C.getauxval(C.AT_SECURE), C.GoString(&text[0]))
		return
	}
	c, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		panic(err)
	}
	fmt.Fprint(c, "hello")
	fmt.Printf("as %d, secure %d: %d bytes\n", os.Getuid(), C.getauxval(C.AT_SECURE), C.capture(p))
}
`

// A cgo program with a capability captures packets although it is not root. Its loader ignores LD_LIBRARY_PATH, and so does the build.
func TestCapabilitiesOfCgo(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	testkit.NeedPackage(t, "libpcap")
	const name = "fromscratch-test-capture"
	const wrong = `Env: map[string]string{"LD_LIBRARY_PATH": "/wrong"}, Files: []targets.File{{From: "wrong", To: "/wrong"}}`
	config := func(words string) string { return magefileWith(`Name: "` + name + `", ` + words) }
	dir := project(t, map[string]string{"main.go": sniffer, "wrong/libpcap.so.0.8": "no library", "magefile.go": config(`Capabilities: []string{"cap_net_raw"}, ` + wrong)})
	removeImages(t, name+":"+tag)
	run := func() string {
		return docker(t, "run", "--rm", "--label=fromscratch-test", "--network=none", name+":"+tag)
	}

	r := mage(t, dir, nil, "image").wantOK(t)
	if !strings.Contains(r.stderr, "warning: the loader ignores LD_LIBRARY_PATH") || strings.Contains(r.stderr, "captures packets only with") {
		t.Error("the notes are wrong")
	}
	if got, want := run(), "as 65534, secure 1: 47 bytes\n"; got != want {
		t.Errorf("the program says %q, want %q", got, want)
	}

	// Without the field, the warning says what is missing, and so does the program.
	rewrite(t, dir, "magefile.go", config(""))
	mage(t, dir, nil, "image").wantError(t, 0, "captures packets only with the capability CAP_NET_RAW", `fix: set Capabilities to "cap_net_raw"`)
	if got := run(); !strings.HasPrefix(got, "as 65534, secure 0: ") || strings.HasSuffix(got, "bytes\n") {
		t.Errorf("without the capability the program says %q", got)
	}

	// The loader of a program without capabilities, or of root's, would take the wrong library.
	for _, words := range []string{wrong, `User: "root", Capabilities: []string{"cap_net_raw"}, ` + wrong} {
		rewrite(t, dir, "magefile.go", config(words))
		mage(t, dir, nil, "image").wantError(t, 1, "/wrong/libpcap.so.0.8")
	}

	// $ORIGIN does not count in secure mode.
	rewrite(t, dir, "magefile.go", config(`Capabilities: []string{"cap_net_raw"}, Build: targets.Build{LDFlags: "-extldflags '-Wl,-rpath,$ORIGIN/own'"}`))
	mage(t, dir, nil, "image").wantOK(t)
	if got, want := run(), "as 65534, secure 1: 47 bytes\n"; got != want {
		t.Errorf("with a RUNPATH of $ORIGIN the program says %q, want %q", got, want)
	}
}

func rewrite(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// capable says which capabilities it has, and waits.
func capable(word string) string {
	return fmt.Sprintf(`package main

import (
	"fmt"
	"os"
	"regexp"
	"syscall"
)

func main() {
	status, _ := os.ReadFile("/proc/self/status")
	_, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
	fmt.Printf("%s as %%d: %%s, a raw socket: %%v\n", os.Getuid(), regexp.MustCompile("CapEff:\t(.*)").FindSubmatch(status)[1], err)
	select {}
}
`, word)
}

// Capabilities that engines give to no container are a warning. imageRun gives them, for an unchanged image too.
func TestRunCapabilities(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	const name = "fromscratch-test-runcaps"
	dir := project(t, map[string]string{
		"main.go":     strings.Replace(capable("running"), "select {}", "", 1),
		"magefile.go": magefileWith(`Name: "` + name + `", Capabilities: []string{"cap_net_admin", "cap_net_raw"}`),
	})
	removeImages(t, name+":"+tag)
	mage(t, dir, nil, "image").wantError(t, 0, "warning: /"+name+" has cap_net_admin, which engines give to no container by default", "fix: run the image with --cap-add=NET_ADMIN,")
	cmd := exec.Command("docker", "run", "--rm", "--label=fromscratch-test", name+":"+tag)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), syscall.EPERM.Error()) {
		t.Errorf("without --cap-add: %v %s", err, out)
	}
	for range 2 {
		if got, want := mage(t, dir, nil, "imageRun").wantOK(t).stdout, "running as 65534: 0000000000003000, a raw socket: <nil>\n"; got != want {
			t.Errorf("imageRun prints %q, want %q", got, want)
		}
	}
}
