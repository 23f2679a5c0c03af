//go:build linux

package buildkit_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// A private module comes from a git server that knows the key in the user's SSH agent: by git's insteadOf, and with the
// known host. Without the agent, or where it cannot be lent, the build fails, and a note says why there is none.
func TestHeavyBuilderAgent(t *testing.T) {
	t.Parallel()
	const refused = "no secure protocol found for repository" // that is all of what git has said to the go command
	image, host := buildertest.Image(t), hostAddress(t)
	need(t, "git", "ssh-agent", "ssh-add", "ssh-keygen")
	path := fmt.Sprintf("git.example/team/agent%d.git", os.Getpid())
	m := newPrivate(t, path)
	keys := t.TempDir()
	for _, name := range []string{"host", "user"} {
		output(t, ".", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(keys, name))
	}
	port := startGit(t, host, keys)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(filepath.Join(keys, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	home := module(t, map[string]string{
		".gitconfig":       fmt.Sprintf("[url \"ssh://%s@%s:%s%s/\"]\n\tinsteadOf = https://git.example/\n", me.Username, host, port, repositories(t, m)),
		".ssh/known_hosts": fmt.Sprintf("[%s]:%s %s", host, port, public),
	})
	socket := startAgent(t, filepath.Join(keys, "user"))
	for _, row := range []struct {
		name, socket string
		copied       bool
		notes        string
		says         []string // in the error
	}{
		{"no agent", "", false, "", []string{refused}},
		{"nobody answers", filepath.Join(keys, "none"), false, "the container cannot use your SSH agent: nobody answers at", []string{refused}},
		{"copied", socket, true, "the container cannot use your SSH agent: the container has copies", []string{refused}},
		{"agent", socket, false, "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			notes, err := m.build(t, image, home, row.copied, "SSH_AUTH_SOCK="+row.socket, "GOPRIVATE=git.example/*")
			if len(row.says) > 0 {
				wantWords(t, err, row.says...)
			} else if err != nil {
				t.Error(err)
			}
			if !strings.Contains(notes, row.notes) || row.notes == "" && strings.Contains(notes, "SSH") {
				t.Errorf("the notes are %q, want %q", notes, row.notes)
			}
		})
	}
	// Nothing of the key, nor of the way to it, is in what was built.
	for _, secret := range []string{string(bytes.Fields(public)[1]), socket, "PRIVATE KEY"} {
		if exec.Command("grep", "-rqF", "-e", secret, filepath.Join(m.dir, "dist")).Run() == nil {
			t.Errorf("%q is in dist/", secret)
		}
	}
}

// repositories is a folder of git repositories, with the module's.
func repositories(t *testing.T, m privateModule) string {
	t.Helper()
	dir, work := t.TempDir(), module(t, m.files)
	for _, words := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "one"}, {"tag", "v1.0.0"}} {
		output(t, work, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, words...)...)
	}
	_, below, _ := strings.Cut(m.path, "/")
	output(t, ".", "git", "clone", "-q", "--bare", work, filepath.Join(dir, below))
	return dir
}

// startGit starts an ssh server of the test's own at an address, and returns its port. Whoever has the key "user" may do
// what this user may.
func startGit(t *testing.T, host, keys string) (port string) {
	t.Helper()
	daemon := "/usr/sbin/sshd" // not in the PATH of everybody
	if _, err := os.Stat(daemon); err != nil {
		missing(t, "sshd")
	}
	free, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, err = net.SplitHostPort(free.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	config := filepath.Join(keys, "sshd_config")
	text := fmt.Sprintf("Port %s\nListenAddress %s\nHostKey %[3]s/host\nAuthorizedKeysFile %[3]s/user.pub\nPidFile none\nStrictModes no\nUsePAM no\n"+
		"PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPermitUserRC no\n", port, host, keys)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // sshd_config(5) has no setting for this folder, which the system's service makes for itself
		// It stays: another server may run.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cmd := exec.Command(daemon, "-D", "-e", "-f", config)
	cmd.Stderr = &log
	startUntil(t, cmd, func() bool {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("sshd said:\n%s", log.Bytes())
		}
	})
	return port
}

// startAgent starts an SSH agent that has a key, and returns its socket.
func startAgent(t *testing.T, key string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // the name of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	startUntil(t, exec.Command("ssh-agent", "-D", "-a", socket), func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	add := exec.Command("ssh-add", "-q", key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v: %s", err, out)
	}
	return socket
}

// startUntil starts a command, waits until it is ready, and ends it with the test.
func startUntil(t *testing.T, cmd *exec.Cmd, ready func() bool) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	testkit.WaitFor(t, cmd.Path+" to start", ready)
}
