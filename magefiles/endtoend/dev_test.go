//go:build unix

package endtoend_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// speaker returns a server that answers with a word, and ends with code 3 at a request of /end. It listens on the port
// that [published] sets.
func speaker(word string) string {
	return fmt.Sprintf(`package main

import (
	"fmt"
	"net/http"
	"os"
)

const word = %q

func main() {
	fmt.Println("speaking", word)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, word) })
	http.HandleFunc("/end", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	if err := http.ListenAndServe(":"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
`, word)
}

var lastPort atomic.Int32

// freePort returns a port of this machine that no other test uses. It is below those that the system assigns by itself.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 20000 + (os.Getpid()*16+int(lastPort.Add(1)))%10000
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("no port is free")
	return 0
}

// published returns fields of a Config that publish a free port.
func published(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf(`Ports: []string{"%[1]d"}, Env: map[string]string{"PORT": "%[1]d"}`, freePort(t))
}

// session is a running command, and its output so far.
type session struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd

	ended chan struct{} // closed when cmd and all processes that have its output have ended

	mu  sync.Mutex
	out bytes.Buffer
}

func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *session) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// develop starts imageDev in a process group of its own, as a terminal does.
func develop(t *testing.T, dir string, env ...string) *session {
	t.Helper()
	return begin(t, mageCommand(t, dir, env, "imageDev"))
}

// begin starts a command in its own process group. If it still runs when the test ends, it is interrupted and then killed.
func begin(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	s := &session{t: t, dir: cmd.Dir, cmd: cmd, ended: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s printed:\n%s", strings.Join(cmd.Args, " "), s.text())
		}
		if !s.hasEnded() { // otherwise its container would keep the port
			s.signal(syscall.SIGINT)
			s.wait()
		}
	})
	return s
}

func (s *session) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// signal sends a signal to all processes of the session.
func (s *session) signal(number syscall.Signal) { _ = syscall.Kill(-s.cmd.Process.Pid, number) }

// wait waits until mage and all processes that have its output have ended. It returns mage's exit code, or -1 if a signal
// ended mage.
func (s *session) wait() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(testkit.Patience):
		s.t.Errorf("%s has not ended after %s", strings.Join(s.cmd.Args, " "), testkit.Patience)
		s.signal(syscall.SIGKILL)
		<-s.ended
	}
	return s.cmd.ProcessState.ExitCode()
}

// waitFor waits until done returns true. It fails the test if the command ends first, or if that takes too long.
func (s *session) waitFor(what string, done func() bool) {
	s.t.Helper()
	testkit.WaitFor(s.t, what, func() bool {
		ended := s.hasEnded() // checked before done, so that the last output counts
		if done() {
			return true
		}
		if ended {
			s.t.Fatalf("waiting for %s: the command has ended with %d and printed\n%s", what, s.cmd.ProcessState.ExitCode(), s.text())
		}
		return false
	}, s.text)
}

func (s *session) write(name, content string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// says waits until the output has a text at least the given number of times.
func (s *session) says(text string, times int) {
	s.t.Helper()
	s.waitFor(fmt.Sprintf("%q %d times", text, times), func() bool { return strings.Count(s.text(), text) >= times })
}

var publishedOn = regexp.MustCompile(`\d+/tcp on [0-9.]*:(\d+)`)

// answers waits until the program answers with a word.
func (s *session) answers(word string) {
	s.t.Helper()
	got := ""
	s.waitFor("the answer "+word, func() bool {
		ports := publishedOn.FindAllStringSubmatch(s.text(), -1)
		if len(ports) == 0 {
			return false
		}
		answer, err := http.Get("http://127.0.0.1:" + ports[len(ports)-1][1] + "/")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		got = string(body)
		return err == nil && got == word
	})
}

// end interrupts imageDev, and checks that no container and no nameless image of these names is left.
func (s *session) end(names ...string) {
	s.t.Helper()
	s.signal(syscall.SIGINT)
	if code := s.wait(); code != 130 {
		s.t.Errorf("imageDev ended with %d, want 130", code)
	}
	for _, name := range names {
		if left := docker(s.t, "ps", "-aq", "--filter", "ancestor="+name+":"+tag); left != "" {
			s.t.Errorf("containers are left: %s", left)
		}
		if left := docker(s.t, "images", "-q", "--filter", "dangling=true", "--filter", "label=io.github.fromscratch-go.image="+name); left != "" {
			s.t.Errorf("images without a name are left: %s", left)
		}
	}
}

// A change of the source gets into the running container. A change that does not compile
// has no effect. A program that ends is started again by the next change. Ctrl-C leaves
// nothing.
func TestDev(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	for _, mode := range []string{"bind", "copy"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			name := "fromscratch-test-dev-" + mode
			dir := project(t, map[string]string{
				"main.go":     speaker("first"),
				"magefile.go": magefileWith(`Name: "` + name + `", ` + published(t) + `, Files: []targets.File{{From: "page.txt", To: "/page.txt"}}`),
				"page.txt":    "page",
			})
			removeImages(t, name+":"+tag)
			s := develop(t, dir, "IMAGE_DEV_SWAP="+mode)
			s.answers("first")
			container := docker(t, "ps", "-q", "--filter", "ancestor="+name+":"+tag)

			s.write("main.go", speaker("second"))
			s.answers("second")
			s.says("swapped in", 1)
			s.says("speaking second", 1)
			if now := docker(t, "ps", "-q", "--filter", "ancestor="+name+":"+tag); now != container {
				t.Errorf("the container is %q, want the old one %q", now, container)
			}

			s.write("main.go", strings.Replace(speaker("third"), "func main() {", "func main() {\n\tundefined()", 1))
			s.says("undefined: undefined", 1)
			s.says("the last good version keeps running", 1)
			s.answers("second")
			s.write("main.go", speaker("third"))
			s.answers("third")

			// Editors save a file by renaming another.
			s.write("new", speaker("fourth"))
			if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "main.go")); err != nil {
				t.Fatal(err)
			}
			s.answers("fourth")

			ports := publishedOn.FindStringSubmatch(s.text())
			if _, err := http.Get("http://127.0.0.1:" + ports[1] + "/end"); err == nil {
				t.Error("the program has not ended")
			}
			s.says("ended with code 3", 1)
			time.Sleep(300 * time.Millisecond) // time in which it must not be started again
			if n := strings.Count(s.text(), "speaking fourth"); n != 1 {
				t.Errorf("the program was started %d times", n)
			}
			s.write("main.go", speaker("fifth"))
			s.answers("fifth")

			// Somebody removes the container: the next change starts a new one.
			docker(t, "rm", "-f", docker(t, "ps", "-q", "--filter", "ancestor="+name+":"+tag))
			s.says("the container has ended", 1)
			s.write("main.go", speaker("sixth"))
			s.answers("sixth")

			// Somebody removes the build's files: the next change builds them again.
			mage(t, dir, nil, "imageClean").wantOK(t)
			s.write("main.go", speaker("seventh"))
			s.answers("seventh")

			// A new import needs a new plan, and a changed file a new image.
			s.write("more.go", `package main

import "net/http/pprof"

var _ = pprof.Index
`)
			s.says("new container in", 3)
			s.answers("seventh")
			s.write("page.txt", "another page")
			s.says("new container in", 4)
			s.answers("seventh")
			s.end(name)
		})
	}
}

// The program of a development container has its capabilities, also those that an engine does not give by itself, and so has each new
// program.
func TestDevCapabilities(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	for _, mode := range []string{"bind", "copy"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			name := "fromscratch-test-devcaps-" + mode
			dir := project(t, map[string]string{
				"main.go":     capable("first"),
				"magefile.go": magefileWith(`Name: "` + name + `", Program: "/opt/acme/server", Capabilities: []string{"cap_net_admin", "cap_net_raw"}`),
			})
			removeImages(t, name+":"+tag)
			s := develop(t, dir, "IMAGE_DEV_SWAP="+mode)
			const has = " as 65534: 0000000000003000, a raw socket: <nil>"
			s.says("first"+has, 1)
			s.says("started ", 1)
			for _, word := range []string{"second", "third"} {
				s.write("main.go", capable(word))
				s.says(word+has, 1)
			}
			s.says("swapped in", 2)
			docker(t, "rm", "-f", strings.TrimSpace(docker(t, "ps", "-q", "--filter", "ancestor="+name+":"+tag)))
			s.says("the container has ended", 1)
			s.write("main.go", capable("fourth"))
			s.says("fourth"+has, 1)
			s.end(name)
		})
	}
}

// A change of one of two programs does not restart the other.
func TestDevTwoPrograms(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	const a, b = "fromscratch-test-dev-a", "fromscratch-test-dev-b"
	talker := func(word string) string {
		return fmt.Sprintf(`package main

import "fmt"

func main() {
	fmt.Println("talking", %q)
	select {}
}
`, word)
	}
	dir := project(t, map[string]string{
		"main.go": "-", "a/main.go": talker("a1"), "b/main.go": talker("b1"),
		"magefile.go": magefileWith(`Main: "./a", Name: "` + a + `"}, targets.Config{Main: "./b", Name: "` + b + `"`),
	})
	removeImages(t, a+":"+tag, b+":"+tag)
	s := develop(t, dir)
	s.says(a+" | talking a1", 1)
	s.says(b+" | talking b1", 1)
	s.write("a/main.go", talker("a2"))
	s.says(a+" | talking a2", 1)
	if n := strings.Count(s.text(), "talking b1"); n != 1 {
		t.Errorf("the other program was started %d times", n)
	}
	s.end(a, b)
}

func TestDevWrongSwap(t *testing.T) {
	t.Parallel()
	mage(t, project(t, nil), []string{"IMAGE_DEV_SWAP=mount"}, "imageDev").wantError(t, 2, "IMAGE_DEV_SWAP", "fix: set it to bind or copy")
}

// Files beside the source that the go command does not compile have no effect. Changes made
// while the program does not compile get into the container with the next good version. A
// missing package is found wherever it appears.
func TestDevBeside(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	const name = "fromscratch-test-dev-beside"
	imports := func(word string) string {
		return strings.Replace(speaker(word), "import (", "import (\n\t_ \"example.com/hello/internal/late\"", 1)
	}
	dir := project(t, map[string]string{
		"main.go":          speaker("first"),
		"magefile.go":      magefileWith(`Name: "` + name + `", ` + published(t) + `, Files: []targets.File{{From: "page.txt", To: "/page.txt"}}`),
		"page.txt":         "page",
		"internal/a/a.go":  "package a\n",
		"internal/.hidden": "",
	})
	removeImages(t, name+":"+tag)
	s := develop(t, dir)
	s.answers("first")
	for _, beside := range []string{"notes.log", "main_test.go", "README.md"} {
		s.write(beside, "package main\n")
	}
	s.write("main.go", strings.Replace(speaker("second"), "\tif err", "\tundefined()\n\tif err", 1))
	s.says("the last good version keeps running", 1)
	s.write("page.txt", "another page")
	s.says("the last good version keeps running", 2)
	s.write("main.go", speaker("second"))
	s.says("new container in", 1)
	s.answers("second")
	container := strings.TrimSpace(docker(t, "ps", "-q", "--filter", "ancestor="+name+":"+tag))
	if page := docker(t, "cp", container+":/page.txt", "-"); !strings.Contains(page, "another page") {
		t.Errorf("the new container has the page %q", page)
	}
	for _, beside := range []string{"notes.log", "main_test.go", "README.md"} {
		if strings.Contains(s.text(), beside+":") || strings.Contains(s.text(), beside+",") {
			t.Errorf("%s was put into the container", beside)
		}
	}

	s.write("main.go", imports("third"))
	s.says("internal/late; to add it", 1)
	if err := os.Mkdir(filepath.Join(dir, "internal", "late"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.says("the last good version keeps running", 3)
	s.write("internal/late/late.go", "package late\n")
	s.answers("third")

	s.write("magefile.go", magefileWith(`Name: "`+name+`"`))
	s.says("magefile.go has changed; restart imageDev to apply it", 1)

	docker(t, "rm", "--force", strings.TrimSpace(docker(t, "ps", "-q", "--filter", "ancestor="+name+":"+tag)))
	s.says("the container has ended; the next change starts a new one", 1)
	s.write("main.go", imports("fourth"))
	s.answers("fourth")
	s.end(name)
}

// A run whose processes are all killed leaves no container.
func TestDevKilled(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	const name = "fromscratch-test-dev-killed"
	dir := project(t, map[string]string{"main.go": speaker("first"), "magefile.go": magefileWith(`Name: "` + name + `", ` + published(t))})
	removeImages(t, name+":"+tag)
	for _, mode := range []string{"bind", "copy"} {
		s := develop(t, dir, "IMAGE_DEV_SWAP="+mode)
		s.says("speaking first", 1)
		s.signal(syscall.SIGKILL)
		s.wait()
		testkit.WaitFor(t, "the container to be gone with "+mode, func() bool {
			return docker(t, "ps", "-aq", "--filter", "ancestor="+name+":"+tag) == ""
		}, s.text)
	}
}
