package host

import (
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// A command that ignores the end of its input and SIGTERM is killed.
func TestCommandClose(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		testkit.Missing(t, "sh")
	}
	conn, err := startCommand([]string{sh, "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if state := conn.(*commandConn).cmd.ProcessState; state == nil {
		t.Error("Close has not waited")
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a closed connection can be read")
	}
}

func TestParseSSH(t *testing.T) {
	t.Parallel()
	const timeout = "-o ConnectTimeout=30 -T -- "
	cases := []struct{ host, want, err string }{
		{host: "ssh://box", want: "ssh " + timeout + "box docker system dial-stdio"},
		{host: "ssh://me@box:2222", want: "ssh -l me -p 2222 " + timeout + "box docker system dial-stdio"},
		{host: "ssh://box/", want: "ssh " + timeout + "box docker system dial-stdio"},
		{host: "ssh://box/run/user/1000/docker.sock",
			want: "ssh " + timeout + "box docker --host='unix:///run/user/1000/docker.sock' system dial-stdio"},
		{host: "ssh://box/it's;rm", want: "ssh " + timeout + `box docker --host='unix:///it'\''s;rm' system dial-stdio`},
		{host: "ssh://me@[::1]:22", want: "ssh -l me -p 22 " + timeout + "::1 docker system dial-stdio"},
		{host: "ssh://me:secret@box", err: "password"},
		{host: "ssh://me:sec ret@box", err: "invalid"},
		{host: "ssh://", err: "names no host"},
		{host: "ssh://me:secret@bo x", err: "invalid"},
		{host: "ssh://-oProxyCommand=x", err: "names no host"},
		{host: "ssh://-lroot@box", err: "names no user"},
		{host: "ssh://box?x=y", err: "more than"},
		{host: "ssh://$(x)@box", err: "names no user"},
	}
	for _, c := range cases {
		t.Run(c.host, func(t *testing.T) {
			s, err := parseSSH(c.host)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret") {
					t.Fatalf("%+v, %v", s, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.command(), " "); got != c.want {
				t.Errorf("%s", got)
			}
		})
	}
}
