package docker

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// fakeSSH puts a command named ssh into PATH that connects to the given socket. It returns the log file of its calls.
func fakeSSH(t *testing.T, socket string) (log string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("PATH with a file named ssh")
	}
	dir := t.TempDir()
	content, err := os.ReadFile(program(t, "dialstdio"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "ssh"), content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("FAKE_SSH_LOG", filepath.Join(dir, "log"))
	t.Setenv("FAKE_SSH_SOCKET", socket)
	return filepath.Join(dir, "log")
}

// calls returns the arguments and process IDs of all calls of the ssh command.
func calls(t *testing.T, log string) (args []string, pids []int) {
	t.Helper()
	content, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		number, arg, _ := strings.Cut(line, " ")
		pid, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		args, pids = append(args, arg), append(pids, pid)
	}
	return args, pids
}

func TestOpenSSH(t *testing.T) {
	local := openEngine(t)
	socket, found := strings.CutPrefix(local.Host(), "unix://")
	if !found {
		testkit.Skip(t, "the engine has no unix socket")
	}
	log := fakeSSH(t, socket)
	e, err := Open(context.Background(), Options{Options: host.Options{Getenv: dockertest.Environment("DOCKER_HOST=ssh://me@box:2222")}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ti := (&testImage{}).build(t).load(t, e)
	var stdout, stderr bytes.Buffer
	req := newRun(t, e, ti, "output")
	req.Stdout, req.Stderr = &stdout, &stderr
	if code, err := e.Run(context.Background(), req); code != 0 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if stdout.String() != "one to stdout\ntwo to stdout\n" || stderr.String() != "one to stderr\n" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	args, pids := calls(t, log)
	for _, a := range args {
		if a != "-l|me|-p|2222|-o|ConnectTimeout=30|-T|--|box|docker system dial-stdio" {
			t.Errorf("ssh %s", a)
		}
	}
	for _, pid := range pids {
		eventually(t, "the command ends", func() bool { return !alive(pid) })
	}
}

func TestOpenSSHUnreachable(t *testing.T) {
	log := fakeSSH(t, "")
	_, err := Open(context.Background(), Options{Options: host.Options{Getenv: dockertest.Environment("DOCKER_HOST=ssh://me@box:2222")}})
	var unreachable *host.UnreachableError
	if !errors.As(err, &unreachable) {
		t.Fatalf("%T %v", err, err)
	}
	dockertest.WantError(t, err, "Permission denied (publickey)", "until this works without a question: ssh -l me -p 2222 box docker version, or unset DOCKER_HOST")
	if args, _ := calls(t, log); len(args) == 0 {
		t.Error("ssh was not called")
	}
	t.Setenv("PATH", t.TempDir())
	_, err = Open(context.Background(), Options{Options: host.Options{Getenv: dockertest.Environment("DOCKER_HOST=ssh://box")}})
	dockertest.WantError(t, err, "executable file not found", "install the ssh client")
}
