//go:build linux

package endtoend_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// quiet is a logger that discards everything.
var quiet = log.New(io.Discard, "", 0)

// stage is a kind of request to an engine, given by its method and the end of its path.
type stage struct{ name, method, path string }

var (
	whileLoading    = stage{"load", http.MethodPost, "/images/load"}
	whileInspecting = stage{"inspect", http.MethodGet, "/json"}
	whileCreating   = stage{"create", http.MethodPost, "/containers/create"}
	whileAttaching  = stage{"attach", http.MethodPost, "/attach"}
	whileStarting   = stage{"start", http.MethodPost, "/start"}
	noStage         = stage{"none", "NONE", ""}
)

// is reports whether a request is of the stage. whileInspecting is only the inspection of images.
func (s stage) is(r *http.Request) bool {
	if s == whileInspecting && !strings.Contains(r.URL.Path, "/images/") {
		return false
	}
	return r.Method == s.method && strings.HasSuffix(r.URL.Path, s.path)
}

// faultyEngine is a proxy for the engine of the tests (a unix socket) that has a fault at one stage.
type faultyEngine struct {
	t      *testing.T
	stage  stage
	fault  func(e *faultyEngine, w http.ResponseWriter, r *http.Request)
	engine *httputil.ReverseProxy
	server *http.Server
	addr   string
	open   *tracked

	reached  chan struct{} // gets a value when the stage is reached
	released chan struct{} // closed to let hanging requests continue
	release  func()
}

func newFaultyEngine(t *testing.T, at stage, fault func(*faultyEngine, http.ResponseWriter, *http.Request)) *faultyEngine {
	t.Helper()
	e := &faultyEngine{t: t, stage: at, fault: fault, reached: make(chan struct{}, 1), released: make(chan struct{})}
	e.release = sync.OnceFunc(func() { close(e.released) })
	e.engine = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			socket := strings.TrimPrefix(cmp.Or(os.Getenv("DOCKER_HOST"), "unix:///var/run/docker.sock"), "unix://")
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}},
		ErrorLog: quiet, FlushInterval: -1,
	}
	e.server = &http.Server{ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !e.stage.is(r) {
			e.engine.ServeHTTP(w, r)
			return
		}
		select {
		case e.reached <- struct{}{}:
		default:
		}
		e.fault(e, w, r)
	})}
	e.listen("127.0.0.1:0")
	t.Cleanup(func() { e.release(); e.stop() })
	return e
}

// listen serves the address until the proxy is closed.
func (e *faultyEngine) listen(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		e.t.Error(err)
		return
	}
	e.addr = l.Addr().String()
	e.open = &tracked{Listener: l}
	go e.server.Serve(e.open)
}

// stop closes the server and all connections. The server itself does not close hijacked ones.
func (e *faultyEngine) stop() {
	e.server.Close()
	e.open.closeAll()
}

// tracked is a listener that can close its connections.
type tracked struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (l *tracked) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, conn)
		l.mu.Unlock()
	}
	return conn, err
}

func (l *tracked) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
}

func (e *faultyEngine) env() string { return "DOCKER_HOST=tcp://" + e.addr }

// discarded is a ResponseWriter for an answer that the client does not get.
type discarded struct{ header http.Header }

func (n discarded) Header() http.Header         { return n.header }
func (n discarded) Write(p []byte) (int, error) { return len(p), nil }
func (n discarded) WriteHeader(int)             {}

// The faults of an engine.
var faults = []struct {
	name string
	do   func(*faultyEngine, http.ResponseWriter, *http.Request)
}{
	{"hang", func(e *faultyEngine, _ http.ResponseWriter, _ *http.Request) { <-e.released }},
	{"done and hang", func(e *faultyEngine, _ http.ResponseWriter, r *http.Request) {
		e.engine.ServeHTTP(discarded{http.Header{}}, r)
		<-e.released
	}},
	{"cut", func(*faultyEngine, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	{"done and cut", func(e *faultyEngine, _ http.ResponseWriter, r *http.Request) {
		e.engine.ServeHTTP(discarded{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}},
	{"500", func(_ *faultyEngine, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"message":"the engine is faulty"}`))
	}},
	{"refuse", func(e *faultyEngine, _ http.ResponseWriter, _ *http.Request) {
		go e.stop()
		panic(http.ErrAbortHandler)
	}},
}

// pause delays a request until release. Then the engine handles it, even if the client has gone.
func pause(e *faultyEngine, w http.ResponseWriter, r *http.Request) {
	<-e.released
	e.engine.ServeHTTP(w, r.WithContext(context.Background()))
}

// watchedProject is a project whose runs are checked for what they leave.
type watchedProject struct {
	t               *testing.T
	name, dir, temp string
	mark            string // environment variable of all processes of its runs
}

func newWatchedProject(t *testing.T, name, program, fields string) *watchedProject {
	t.Helper()
	name = "fromscratch-test-fault-" + name
	dir := project(t, map[string]string{"main.go": program, "magefile.go": magefileWith(`Name: "` + name + `"` + fields)})
	removeImages(t, name+":"+tag)
	w := &watchedProject{t: t, name: name, dir: dir, temp: t.TempDir(), mark: "FROMSCRATCH_TEST_PROJECT=" + name + strconv.Itoa(os.Getpid())}
	t.Cleanup(func() {
		w.removeContainers()
		if left := strings.Fields(w.nameless()); len(left) > 0 {
			exec.Command("docker", append([]string{"image", "rm", "-f"}, left...)...).Run()
		}
	})
	return w
}

// command returns a command that runs mage in the project.
func (w *watchedProject) command(env []string, args ...string) *exec.Cmd {
	cmd := mageCommand(w.t, w.dir, append([]string{w.mark, "TMPDIR=" + w.temp, "IMAGE_OUTPUT=docker"}, env...), args...)
	cmd.WaitDelay = testkit.Patience
	return cmd
}

func (w *watchedProject) containers() string {
	return docker(w.t, "ps", "-aq", "--filter", "label=io.github.fromscratch-go.image="+w.name)
}

func (w *watchedProject) nameless() string {
	return docker(w.t, "images", "-q", "--filter", "dangling=true", "--filter", "label=io.github.fromscratch-go.image="+w.name)
}

// processes returns the command lines of the runs' processes.
func (w *watchedProject) processes() string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		env, err := os.ReadFile(path)
		if err == nil && bytes.Contains(env, []byte(w.mark)) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return strings.Join(found, "\n")
}

// temporary returns the temporary files that runs have left.
func (w *watchedProject) temporary() string {
	var left []string
	for _, pattern := range []string{w.temp + "/*", w.dir + "/dist/.programs-*", w.dir + "/dist/*/.fromscratch-*", w.dir + "/dist/*@removed-*"} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	return strings.Join(left, "\n")
}

// leavesNothing waits until nothing of the runs is left, which takes a moment after a process was killed. If one was
// killed, temporary folders may be left: the next run removes them.
func (w *watchedProject) leavesNothing(killed bool) {
	w.t.Helper()
	for _, left := range []struct {
		what string
		find func() string
	}{{"processes", w.processes}, {"containers", w.containers}, {"images without a name", w.nameless}} {
		last := ""
		testkit.WaitFor(w.t, left.what+" to be gone", func() bool { last = strings.TrimSpace(left.find()); return last == "" }, func() string { return last })
	}
	if left := w.temporary(); left != "" && !killed {
		w.t.Errorf("temporary files are left: %s", left)
	}
}

// removeContainers removes the containers that a failed case has left.
func (w *watchedProject) removeContainers() {
	if left := strings.Fields(w.containers()); len(left) > 0 {
		exec.Command("docker", append([]string{"rm", "-f"}, left...)...).Run()
	}
}

// forget removes the image, so that the next run loads it. What a case has left must not fail the next one.
func (w *watchedProject) forget() {
	w.removeContainers()
	exec.Command("docker", "image", "rm", "-f", w.name+":"+tag).Run()
}

// greeter is a program that prints a line and ends.
const greeter = `package main

func main() { println("hello from the container") }
`

// testFault runs a target with an engine that has a fault.
func testFault(t *testing.T, w *watchedProject, target string, at stage, name string, fault func(*faultyEngine, http.ResponseWriter, *http.Request)) {
	t.Helper()
	w.forget()
	e := newFaultyEngine(t, at, fault)
	env := []string{e.env()}
	if strings.Contains(name, "hang") {
		env = append(env, "IMAGE_ENGINE_TIMEOUT=8s")
	}
	cmd := w.command(env, target)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &lockedBuffer{b: &stderr}
	want := 3
	if strings.Contains(name, "hang") && at == whileLoading { // a load has no time limit
		want = 130
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	progress := cmd.Stderr.(*lockedBuffer)
	if want == 130 {
		testkit.WaitFor(t, "a line about the load", func() bool {
			return strings.Contains(progress.String(), "still waiting: the engine has not answered for 2s (POST /images/load)")
		}, progress.String)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
	}
	select {
	case <-ended:
	case <-time.After(testkit.Patience):
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGTERM)
		t.Fatalf("%s has not ended:\n%s", target, progress.String())
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Errorf("exit code %d, want %d\n%s", code, want, progress.String())
	}
	if stdout.Len() > 0 {
		t.Errorf("stdout is %q, want nothing", stdout.String())
	}
	if want == 3 && !strings.Contains(progress.String(), "fix: ") {
		t.Errorf("stderr has no fix:\n%s", progress.String())
	}
	if strings.Contains(name, "hang") && want == 3 && !strings.Contains(progress.String(), "has not answered for 8s") {
		t.Errorf("stderr does not say that the engine does not answer:\n%s", progress.String())
	}
	e.release()
	if made := strings.Fields(w.containers()); name == "refuse" && len(made) > 0 {
		docker(t, append([]string{"rm", "-f"}, made...)...) // the run cannot do it: its engine is gone
	}
	w.leavesNothing(false)
}

// lockedBuffer is a buffer that can be read while it is written to.
type lockedBuffer struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// At any fault of the engine, the target ends with 3, prints nothing to stdout, and leaves nothing.
func TestHeavyFaultsOfTheEngine(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	w := newWatchedProject(t, "engine", greeter, "")
	for _, row := range []struct {
		target string
		stages []stage
	}{
		{"image", []stage{whileLoading, whileInspecting}},
		{"imageRun", []stage{whileLoading, whileCreating, whileAttaching, whileStarting}},
	} {
		for _, at := range row.stages {
			for _, fault := range faults {
				if at == whileLoading && fault.name == "done and hang" {
					continue // the engine has loaded the image, so the run leaves it
				}
				t.Run(row.target+"/"+at.name+"/"+fault.name, func(t *testing.T) {
					w.t = t
					testFault(t, w, row.target, at, fault.name, fault.do)
				})
			}
		}
	}
}

// A few of the cases of [TestHeavyFaultsOfTheEngine].
func TestFaultsOfTheEngine(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	w := newWatchedProject(t, "few", greeter, "")
	for _, row := range []struct {
		target string
		at     stage
		fault  string
	}{
		{"image", whileLoading, "hang"}, {"image", whileInspecting, "hang"},
		{"imageRun", whileCreating, "done and cut"}, {"imageRun", whileAttaching, "hang"},
	} {
		for _, fault := range faults {
			if fault.name == row.fault {
				t.Run(row.target+"/"+row.at.name+"/"+fault.name, func(t *testing.T) {
					w.t = t
					testFault(t, w, row.target, row.at, fault.name, fault.do)
				})
			}
		}
	}
}

// receivers are the processes of a run to which a signal is sent.
var receivers = []string{"mage", "target", "worker", "group"}

// testSignal sends a signal at a stage of imageRun.
func testSignal(t *testing.T, w *watchedProject, at stage, signal syscall.Signal, to string) {
	t.Helper()
	w.forget()
	e := newFaultyEngine(t, at, pause)
	s := begin(t, w.command([]string{e.env()}, "imageRun"))
	if at == noStage {
		s.says("ready\n", 1)
	} else {
		select {
		case <-e.reached:
		case <-s.ended:
			t.Fatalf("mage ended before the request: %s", s.text())
		case <-time.After(testkit.Patience):
			t.Fatalf("the request was never made: %s", s.text())
		}
	}
	mage := s.cmd.Process.Pid
	target := child(t, mage)
	worker := child(t, target)
	pid := map[string]int{"group": -mage, "target": target, "mage": mage, "worker": worker}[to]
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // the receiver handles it while the engine is busy
	e.release()
	code := s.wait()
	if want, ok := signalCode(at, signal, to); ok && code != want {
		t.Errorf("mage ended with %d, want %d", code, want)
	}
	if code == 0 {
		t.Error("mage reports success")
	}
	w.leavesNothing(true)
}

// signalCode returns mage's exit code. ok is false if several codes are right.
func signalCode(at stage, signal syscall.Signal, to string) (code int, ok bool) {
	switch {
	case signal != syscall.SIGINT && (to == "mage" || to == "group"):
		return -1, true // ended by the signal
	case signal == syscall.SIGKILL:
		return 0, false
	case at == noStage:
		return 7, true // the program's
	case at == whileLoading:
		return 130, true
	}
	return 0, false // the program may have been started
}

// A run ends and leaves nothing, whichever process gets a signal, at any stage. SIGINT to mage alone is left out: mage
// ignores it.
func TestHeavyFaultsBySignal(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	w := newWatchedProject(t, "signal", sleeper, "")
	for _, at := range []stage{whileLoading, whileCreating, whileStarting, noStage} {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
			for _, to := range receivers {
				if to == "mage" && signal == syscall.SIGINT {
					continue
				}
				t.Run(fmt.Sprintf("%s/%v/%s", at.name, signal, to), func(t *testing.T) {
					w.t = t
					testSignal(t, w, at, signal, to)
				})
			}
		}
	}
	// This run removes the temporary files of the killed ones.
	w.t = t
	w.forget()
	runCommand(t, w.command(nil, "image")).wantOK(t)
	w.leavesNothing(false)
}

// silentRegistry starts a registry that has no images and never answers uploads. reached gets a value at an upload.
func silentRegistry(t *testing.T) (host string, reached chan struct{}) {
	t.Helper()
	reached = make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodHead || r.Method == http.MethodGet && r.URL.Path != "/v2/":
			w.WriteHeader(http.StatusNotFound)
		case r.Method != http.MethodGet:
			select {
			case reached <- struct{}{}:
			default:
			}
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), reached
}

// At a signal to any process, at any stage of a build, the run ends and leaves neither processes nor temporary files. It
// reports no success for a result that does not exist.
func TestHeavyFaultsBySignalInABuild(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	slow, file := filepath.Join(t.TempDir(), "slow"), filepath.Join(t.TempDir(), "under-way")
	script := "#!/bin/sh\nif test -n \"$SLOW\"; then case \"$1 $2\" in */link\\ -V=full) ;; */link\\ *) echo > " + file + "; exec sleep 1000;; esac; fi\nexec \"$@\"\n"
	if err := os.WriteFile(slow, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	w := newWatchedProject(t, "build", greeter, fmt.Sprintf(`, Build: targets.Build{Flags: []string{"-toolexec=%s"}}`, slow))
	archive := filepath.Join(w.dir, "dist", w.name, "image.tar")
	for _, at := range []string{"link", "compile", "libraries", "rootfs", "image", "push"} {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			for _, to := range []string{"target", "worker", "group"} {
				t.Run(fmt.Sprintf("%s/%v/%s", at, signal, to), func(t *testing.T) {
					w.t = t
					if err := errors.Join(os.RemoveAll(filepath.Join(w.dir, "dist")), os.RemoveAll(file)); err != nil {
						t.Fatal(err)
					}
					host, sent := silentRegistry(t) // a new one for each run: requests of the last run may still arrive
					target, env := "imageArchive", []string{"IMAGE_OUTPUT=archive"}
					switch at {
					case "link":
						env = append(env, "SLOW=1")
					case "push":
						target, env = "imagePush", append(env, "IMAGE_REPO="+host+"/hello", ownCache(t))
					}
					s := begin(t, w.command(env, target))
					switch at {
					case "link":
						s.waitFor("the linker", func() bool { _, err := os.Stat(file); return err == nil })
					case "push":
						s.waitFor("something to be sent", func() bool { return len(sent) > 0 })
						<-sent
					default: // the next stage has begun
						s.says(w.name+"  "+at, 1)
					}
					mage := s.cmd.Process.Pid
					pid := -mage
					if to != "group" {
						pid = childOf(mage)
					}
					if to == "worker" && pid > 0 {
						pid = childOf(pid)
					}
					if pid != 0 { // otherwise it has just ended
						_ = syscall.Kill(pid, signal)
					}
					code := s.wait()
					if _, err := os.Stat(archive); code == 0 && (at == "link" || at == "push" || err != nil) {
						t.Errorf("mage reports success:\n%s", s.text())
					}
					if code != 0 && strings.Contains(s.text(), archive+"\n") && to != "group" && signal != syscall.SIGINT {
						t.Errorf("mage ends with %d and names the archive:\n%s", code, s.text())
					}
					w.leavesNothing(false)
				})
			}
		}
	}
}

// childOf returns a child of a process, or 0 if it has none.
func childOf(pid int) int {
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(out), "\n")
	child, _ := strconv.Atoi(first)
	return child
}

// A run leaves no container if its worker or all its processes are killed.
func TestRunKilled(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	w := newWatchedProject(t, "killed", sleeper, "")
	for _, row := range []struct {
		at stage
		to string
	}{{noStage, "worker"}, {noStage, "group"}, {whileCreating, "group"}} {
		t.Run(row.at.name+"/"+row.to, func(t *testing.T) {
			w.t = t
			testSignal(t, w, row.at, syscall.SIGKILL, row.to)
		})
	}
}

// restart imitates the restart of an engine: all connections end, and nobody listens until meanwhile has returned.
func (e *faultyEngine) restart(meanwhile func()) {
	e.stop()
	meanwhile()
	e.server = &http.Server{ErrorLog: quiet, Handler: e.server.Handler}
	e.listen(e.addr)
}

// If the engine restarts, imageDev continues, and the next change runs.
func TestDevEngineRestarts(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	w := newWatchedProject(t, "restart", speaker("first"), ", "+published(t))
	e := newFaultyEngine(t, noStage, nil)
	s := begin(t, w.command([]string{e.env()}, "imageDev"))
	s.answers("first")
	e.restart(func() {
		s.says("the container has ended", 1)
		testkit.WaitFor(t, "the container to be gone", func() bool { return w.containers() == "" }, s.text)
		s.write("main.go", speaker("second"))
		s.says("waiting for a change", 1)
	})
	s.write("main.go", speaker("third"))
	s.answers("third")
	s.end(w.name)
	w.leavesNothing(false)
}

// If the port is in use, imageDev reports it and continues with the next change.
func TestDevPortTaken(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	fields := published(t)
	w := newWatchedProject(t, "port", speaker("first"), ", "+fields)
	port := strings.Split(fields, `"`)[1]
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := begin(t, w.command(nil, "imageDev"))
	s.says("stop what uses the port", 1)
	s.says("waiting for a change", 1)
	if left := w.containers(); left != "" {
		t.Errorf("containers are left: %s", left)
	}
	l.Close()
	s.write("main.go", speaker("second"))
	s.answers("second")
	s.end(w.name)
	w.leavesNothing(false)
}

// onTerminal starts a command as the first process of a terminal. It returns a function that closes the terminal, and one
// that returns the output.
func onTerminal(t *testing.T, cmd *exec.Cmd) (closeTerminal func(), text func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		testkit.Missing(t, "a pseudo terminal ("+err.Error()+")")
	}
	var number, unlocked int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlocked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	output := &lockedBuffer{b: &bytes.Buffer{}}
	// A new descriptor in non-blocking mode: closing master would wait for a read of it. Commands of other tests must not
	// inherit it, or they keep the terminal open.
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, master.Fd(), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	master.Close()
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		t.Fatal(err)
	}
	end := os.NewFile(fd, "terminal")
	go io.Copy(output, end)
	return func() {
		end.Close()
		testkit.WaitFor(t, "the terminal to be closed", func() bool {
			again, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
			if err != nil {
				return true
			}
			again.Close()
			return false
		}, output.String)
	}, output.String
}

// If the terminal is closed while a target runs, everything ends, nothing is left, and mage reports no success.
func TestFaultsOfTheTerminal(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	w := newWatchedProject(t, "terminal", sleeper, "")
	for _, row := range []struct {
		name, target, says string
		ignores            bool // SIGHUP, as under nohup; then writes fail
	}{
		{"imageRun", "imageRun", "ready", false},
		{"imageDev", "imageDev", "ready", false},
		{"load", "image", "", false},
		{"load under nohup", "image", "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			w.t = t
			w.forget()
			at := noStage
			if row.says == "" {
				at = whileLoading
			}
			e := newFaultyEngine(t, at, pause)
			cmd := w.command([]string{e.env()}, row.target)
			if row.ignores {
				cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
				cmd.Path = "/bin/sh"
			}
			closeTerminal, text := onTerminal(t, cmd)
			ended := make(chan struct{})
			go func() { _ = cmd.Wait(); close(ended) }()
			if at == noStage {
				testkit.WaitFor(t, "the program", func() bool { return strings.Contains(text(), row.says) }, text)
			} else {
				select {
				case <-e.reached:
				case <-time.After(testkit.Patience):
					t.Fatalf("waited %s for the load: %s", testkit.Patience, text())
				}
			}
			closeTerminal()
			if at != noStage && !row.ignores { // mage ends while the engine is still busy
				select {
				case <-ended:
				case <-time.After(testkit.Patience):
					t.Errorf("mage still runs %s after its terminal was closed, while the engine is busy: %s", testkit.Patience, text())
				}
			}
			e.release()
			select {
			case <-ended:
			case <-time.After(testkit.Patience):
				t.Fatalf("mage still runs %s after its terminal was closed: %s", testkit.Patience, text())
			}
			if cmd.ProcessState.ExitCode() == 0 {
				t.Errorf("mage reports success: %s", text())
			}
			w.leavesNothing(false)
		})
	}
}

// A target fails if its result cannot be written to stdout.
func TestStdoutFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		testkit.Missing(t, "/dev/full")
	}
	defer full.Close()
	dir := project(t, nil)
	for _, target := range []string{"imageRootfs", "imageArchive", "imagePlan"} {
		cmd := mageCommand(t, dir, nil, target)
		cmd.Stdout = full
		if out, _ := cmd.StderrPipe(); cmd.Start() == nil {
			said, _ := io.ReadAll(out)
			if err := cmd.Wait(); err == nil {
				t.Errorf("%s reports success:\n%s", target, said)
			}
		}
	}
}

// printer returns a program that prints a word.
func printer(word string) string {
	return fmt.Sprintf(`package main

import "os"

func main() { os.Stdout.WriteString(%q) }
`, word)
}

// wantWord builds a project, runs the program in its root file system and checks its output.
func wantWord(t *testing.T, dir, want string) {
	t.Helper()
	mage(t, dir, nil, "imageRootfs").wantOK(t)
	if out, err := exec.Command(filepath.Join(dir, "dist/hello/rootfs/hello")).CombinedOutput(); err != nil || string(out) != want {
		t.Errorf("the program prints %q, want %q (%v)", out, want, err)
	}
}

// After the clock is set back, files have times in the future. A change of them is still seen.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	future := time.Now().Add(36 * time.Hour).Truncate(time.Second)
	age := func(t *testing.T, dir string, at time.Time) {
		t.Helper()
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.Type() == fs.ModeSymlink {
				return err
			}
			return os.Chtimes(path, at, at)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name    string
		sources time.Time // time of all sources; zero leaves it
		all     time.Time // time of all files, with those of the build
		edited  time.Time // time of the edited file
	}{
		{"sources in the future, edited now", future, time.Time{}, time.Time{}},
		{"sources in the future, edited with the same time", future, time.Time{}, future},
		{"everything in the future, edited now", time.Time{}, future, time.Time{}},
		{"everything in the future, edited in the past", time.Time{}, future, time.Now().Add(-48 * time.Hour)},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := project(t, map[string]string{"main.go": printer("first")})
			if !row.sources.IsZero() {
				age(t, dir, row.sources)
			}
			wantWord(t, dir, "first")
			if !row.all.IsZero() {
				age(t, dir, row.all)
			}
			wantWord(t, dir, "first")
			main := filepath.Join(dir, "main.go")
			if err := os.WriteFile(main, []byte(printer("other")), 0o644); err != nil {
				t.Fatal(err)
			}
			if !row.edited.IsZero() {
				if err := os.Chtimes(main, row.edited, row.edited); err != nil {
					t.Fatal(err)
				}
			}
			wantWord(t, dir, "other")
		})
	}
}

// dyingProxy starts a proxy for a registry that ends after the given number of bytes was sent to it.
func dyingProxy(t *testing.T, registry string, after int64) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var open []net.Conn
	left := after
	die := func() {
		l.Close()
		for _, c := range open {
			c.Close()
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", registry)
			if err != nil {
				conn.Close()
				return
			}
			mu.Lock()
			open = append(open, conn, to)
			mu.Unlock()
			go io.Copy(conn, to)
			go func() {
				buffer := make([]byte, 16<<10)
				for {
					n, err := conn.Read(buffer)
					mu.Lock()
					if left -= int64(n); left < 0 {
						die()
					}
					mu.Unlock()
					if _, writeErr := to.Write(buffer[:n]); err != nil || writeErr != nil {
						to.Close()
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// If a registry ends during a push, the target fails with 3 and prints no reference. The next push succeeds.
func TestRegistryKilled(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	dir := project(t, nil)
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock", ownCache(t)}
	dying := dyingProxy(t, host, 300<<10)
	r := mage(t, dir, append(env, "IMAGE_REPO="+dying+"/hello"), "imagePush")
	if r.wantError(t, 3, dying, "fix: "); r.stdout != "" {
		t.Errorf("stdout is %q, want nothing", r.stdout)
	}
	if got := mage(t, dir, append(env, "IMAGE_REPO="+host+"/hello"), "imagePush").wantOK(t).stdout; !strings.HasPrefix(got, host+"/hello:"+tag+"@sha256:") {
		t.Errorf("stdout is %q, want the reference", got)
	}
}

// imageRun reports a timeout if mage -t ends the program, even if the program then exits with 0.
func TestHeavyFaultsTimeout(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	w := newWatchedProject(t, "timeout", strings.Replace(sleeper, "os.Exit(7)", "os.Exit(0)", 1), "")
	runCommand(t, w.command(nil, "image")).wantOK(t)
	r := runCommand(t, w.command(nil, "-t", "30s", "imageRun"))
	r.wantError(t, 1, "timed out: the time limit of mage -t is nearly over")
	if !strings.Contains(r.stdout, "got terminated") {
		t.Errorf("the program prints %q, want that it got SIGTERM", r.stdout)
	}
	w.leavesNothing(false)
}
