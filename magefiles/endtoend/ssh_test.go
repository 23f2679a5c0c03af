//go:build linux

package endtoend_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// sshServer is an ssh server for a test on this machine, with its own keys and configuration. The user's ~/.ssh is not
// read: ssh does not find it by HOME, so PATH has an ssh command that passes the test's configuration.
type sshServer struct {
	t       *testing.T
	dir     string // ssh/ssh, config, keys, known_hosts
	address string // user@localhost:port
	port    string
}

// newSSH starts a server whose sessions have the given PATH.
func newSSH(t *testing.T, path string) *sshServer {
	t.Helper()
	testkit.Need(t, "ssh", "ssh-keygen")
	daemon, err := exec.LookPath("sshd")
	if err != nil {
		daemon = "/usr/sbin/sshd" // often not in PATH
	}
	if _, err := os.Stat(daemon); err != nil {
		testkit.Missing(t, "sshd")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sshServer{t: t, dir: t.TempDir(), port: fmt.Sprint(free.Addr().(*net.TCPAddr).Port)}
	s.address = me.Username + "@localhost:" + s.port
	free.Close()
	for _, key := range []string{"host", "user", "stranger"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, key)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	s.configure("user")
	s.setHostKey("host")
	s.write("authorized_keys", s.read("user.pub"), 0o600)
	s.write("sshd_config", fmt.Sprintf(`Port %s
ListenAddress 127.0.0.1
HostKey %[2]s/host
AuthorizedKeysFile %[2]s/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PermitUserRC no
SetEnv PATH=%s
`, s.port, s.dir, path), 0o600)
	s.start(daemon)
	return s
}

// start starts the server and waits until it listens.
func (s *sshServer) start(daemon string) {
	s.t.Helper()
	if os.Getuid() == 0 { // sshd needs this folder. sshd_config(5) has no setting for it, and only the system's service creates it.
		// It is not removed, because another server may use it.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cmd := exec.Command(daemon, "-D", "-e", "-f", filepath.Join(s.dir, "sshd_config"))
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("sshd printed:\n%s", log.Bytes())
		}
	})
	testkit.WaitFor(s.t, "the ssh server", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// configure makes the ssh command use a key to log in.
func (s *sshServer) configure(key string) {
	s.t.Helper()
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("config", fmt.Sprintf("Host *\n\tIdentityFile %[1]s/%[2]s\n\tIdentitiesOnly yes\n\tIdentityAgent none\n"+
		"\tUserKnownHostsFile %[1]s/known_hosts\n\tGlobalKnownHostsFile /dev/null\n", s.dir, key), 0o600)
	s.write("ssh/ssh", "#!/bin/sh\nexec "+ssh+" -F "+s.dir+"/config \"$@\"\n", 0o755)
}

// setHostKey makes a key the known key of the host.
func (s *sshServer) setHostKey(key string) {
	s.t.Helper()
	s.write("known_hosts", "[localhost]:"+s.port+" "+s.read(key+".pub"), 0o600)
}

func (s *sshServer) write(name, content string, mode os.FileMode) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sshServer) read(name string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(content)
}

// env returns variables that choose the engine behind the server. socket is the path of the engine's socket, or "".
func (s *sshServer) env(socket string) []string {
	return []string{"DOCKER_HOST=ssh://" + s.address + socket, "DOCKER_CONTEXT=", s.path(), "IMAGE_OUTPUT=docker"}
}

func (s *sshServer) path() string {
	return "PATH=" + filepath.Join(s.dir, "ssh") + ":" + os.Getenv("PATH")
}

// The targets load the image into an engine behind ssh and run it there. They print ports with the host's name.
func TestHeavySSH(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	s := newSSH(t, os.Getenv("PATH"))
	const name = "fromscratch-test-ssh"
	dir := project(t, map[string]string{
		"main.go": speaker("hello from afar"), "magefile.go": magefileWith(`Name: "` + name + `", ` + published(t)),
	})
	removeImages(t, name+":"+tag)
	mage(t, dir, s.env(""), "image").wantOK(t)
	docker(t, "image", "inspect", name+":"+tag)
	if r := mage(t, dir, s.env(""), "image").wantOK(t); !strings.Contains(r.stderr, "is unchanged") {
		t.Error("the second run does not report the image as unchanged")
	}
	runRemotely(t, dir, s.env("/var/run/docker.sock"), "hello from afar")
}

// runRemotely runs the speaker of a project on an engine at the host localhost, until it ends with code 3.
func runRemotely(t *testing.T, dir string, env []string, word string) {
	t.Helper()
	s := begin(t, mageCommand(t, dir, env, "imageRun"))
	s.answersRemotely(word)
	if _, err := http.Get("http://" + s.address() + "/end"); err == nil {
		t.Error("the program has not ended")
	}
	if code := s.wait(); code != 3 || !strings.Contains(s.text(), "speaking "+word) {
		t.Errorf("imageRun ended with %d and printed\n%s", code, s.text())
	}
}

var publishedRemotely = regexp.MustCompile(`\d+/tcp on (localhost:\d+)`)

// address returns the address of the program, as the session has printed it.
func (s *session) address() string {
	found := publishedRemotely.FindAllStringSubmatch(s.text(), -1)
	if len(found) == 0 {
		return "none.invalid"
	}
	return found[len(found)-1][1]
}

// answersRemotely waits until the program answers with a word at the engine's host.
func (s *session) answersRemotely(word string) {
	s.t.Helper()
	s.waitFor("the answer "+word, func() bool {
		answer, err := http.Get("http://" + s.address() + "/")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return err == nil && string(body) == word
	})
}

// imageDev works with an engine that does not see this machine's files. Here mage runs in its own mount namespace, in which
// the project is. The engine sees an empty folder instead.
func TestHeavySSHDev(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	testkit.Need(t, "unshare", "mount")
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		testkit.Missing(t, fmt.Sprintf("the right to a mount namespace (%v: %s)", err, out))
	}
	s := newSSH(t, os.Getenv("PATH"))
	const name = "fromscratch-test-ssh-dev"
	from, hidden := project(t, map[string]string{
		"main.go": speaker("first"), "magefile.go": magefileWith(`Name: "` + name + `", ` + published(t)),
	}), t.TempDir()
	removeImages(t, name+":"+tag)
	inside := mageCommand(t, "", s.env(""), "imageDev")
	inside.Args = append([]string{"unshare", "-m", "sh", "-c",
		`mount -t tmpfs tmpfs "$1" && cp -a "$0/." "$1" && cd "$1" && shift && exec "$@"`, from, hidden}, inside.Args...)
	path, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatal(err)
	}
	inside.Path = path
	dev := begin(t, inside)
	dev.dir = fmt.Sprintf("/proc/%d/root%s", inside.Process.Pid, hidden)
	dev.answersRemotely("first")
	dev.says("the program is sent at each change", 1)
	dev.write("main.go", speaker("second"))
	dev.answersRemotely("second")
	dev.says("swapped in", 1)
	dev.end(name)
}

// A platform is compiled over ssh on the engine that Builders has for it, though the default engine does not answer.
func TestHeavySSHBuilder(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	builder := buildertest.Image(t)
	s := newSSH(t, os.Getenv("PATH"))
	dir := builderProject(t, builder, fmt.Sprintf(`Engines: map[string]string{"linux/%s": "ssh://%s"}`, runtime.GOARCH, s.address), "")
	env := []string{s.path(), "DOCKER_HOST=unix:///nowhere/docker.sock", "IMAGE_PLATFORM=linux/" + runtime.GOARCH, ownCache(t)}
	if r := mage(t, dir, env, "imagePlan").wantOK(t); !strings.Contains(r.stdout, "at ssh://"+s.address) {
		t.Errorf("the plan does not have the engine:\n%s", r.stdout)
	}
	mage(t, dir, env, "imageArchive").wantOK(t)
	wantRootfs(t, dir)
	if left := docker(t, "ps", "-aq", "--filter", "volume="+dir); left != "" {
		t.Errorf("containers are left: %s", left)
	}
}

// Errors on the way to the engine say where the engine was chosen, what ssh or the remote command printed, and how to fix
// it.
func TestHeavySSHErrors(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	nothing := newSSH(t, t.TempDir())
	s := newSSH(t, os.Getenv("PATH"))
	chatty := newSSH(t, greetingDocker(t)+":"+os.Getenv("PATH"))
	dir := project(t, nil)
	at := "ssh://" + s.address
	for _, test := range []struct {
		name string
		env  []string
		as   func()
		want []string
	}{
		{"no docker there", nothing.env(""), nil, []string{"exit status 127", "fix: install docker or podman there"}},
		{"no socket there", s.env("/nowhere.sock"), nil, []string{at + "/nowhere.sock", "dial unix /nowhere.sock", "fix: start Docker there, or name the socket"}},
		{"shell that prints a greeting", chatty.env(""), nil, []string{"malformed HTTP", "fix: make this print nothing: ssh -l "}},
		{"no server", append(s.env(""), "DOCKER_HOST=ssh://localhost:1"), nil, []string{"Connection refused", "fix: start the ssh server there, or correct the port"}},
		{"no such host", append(s.env(""), "DOCKER_HOST=ssh://fromscratch-test.invalid"), nil, []string{"fromscratch-test.invalid", "fix: correct the host name"}},
		{"unknown host key", s.env(""), func() { s.write("known_hosts", "", 0o600) }, []string{"Host key verification failed", "fix: connect once by hand, and compare"}},
		{"changed host key", s.env(""), func() { s.setHostKey("stranger") }, []string{"IDENTIFICATION HAS CHANGED", "ssh-keygen -R '[localhost]:" + s.port + "'"}},
		{"unknown user key", s.env(""), func() { s.setHostKey("host"); s.configure("stranger") }, []string{"Permission denied (publickey)", "fix: let the host know your key"}},
		{"no ssh", append(s.env(""), "PATH="+withoutSSH(t)), nil, []string{"ssh", "fix: install the ssh client"}},
		{"password", append(s.env(""), "DOCKER_HOST=ssh://me:secret@localhost"), nil, []string{"must not hold a password", "fix: use a host like"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.as != nil {
				test.as()
			}
			code := 3
			if test.name == "password" {
				code = 2
			}
			r := mage(t, dir, test.env, "image")
			r.wantError(t, code, append(test.want, "DOCKER_HOST", "unset DOCKER_HOST")...)
			if strings.Contains(r.stderr, "secret") {
				t.Error("stderr has the password")
			}
		})
	}
}

// greetingDocker returns a folder with a docker command that first prints a greeting, as some login shells do.
func greetingDocker(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\necho Welcome to this machine\nexec cat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withoutSSH returns a PATH with the commands that the targets need, but without ssh.
func withoutSSH(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"go", "git"} {
		if path, err := exec.LookPath(name); err == nil {
			if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}
