package host

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// sshHost is an engine behind ssh: "ssh://user@host:port/path/to/docker.sock". Only the host is required.
type sshHost struct {
	user, host, port, socket string

	podman bool // use podman's command there, not docker's
}

// parseSSH parses an ssh:// host. Like the docker command it refuses a password. It also refuses names that ssh, or a
// shell in ssh's configuration (ProxyCommand with %h), could take for an option or a command.
func parseSSH(host string) (*sshHost, error) {
	u, err := url.Parse(host)
	var malformed *url.Error
	if errors.As(err, &malformed) {
		return nil, malformed.Err // without the address, which may hold a password
	}
	if err != nil {
		return nil, err
	}
	if _, password := u.User.Password(); password {
		return nil, errors.New("an ssh host must not hold a password")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q has more than user, host, port and socket", host)
	}
	s := &sshHost{user: u.User.Username(), host: u.Hostname(), port: u.Port()}
	if strings.Trim(u.Path, "/") != "" {
		s.socket = u.Path
	}
	name := regexp.MustCompile(`^[A-Za-z0-9_:][A-Za-z0-9_.@%+:-]*$`)
	if !name.MatchString(s.host) {
		return nil, fmt.Errorf("%q names no host that ssh could take", host)
	}
	if s.user != "" && !name.MatchString(s.user) {
		return nil, fmt.Errorf("%q names no user that ssh could take", host)
	}
	return s, nil
}

// command returns the ssh command whose standard input and output are a connection to the engine, as the docker command
// runs it: without a terminal, so that no login shell writes in between, and with a limit for connecting.
// Source: https://github.com/docker/cli/blob/v28.5.2/cli/connhelper/connhelper.go
func (s *sshHost) command() []string {
	program, flag := "docker", " --host="
	if s.podman { // https://docs.podman.io/en/v4.3/markdown/podman.1.html#url-value
		program, flag = "podman", " --url="
	}
	remote := program + " system dial-stdio"
	if s.socket != "" {
		remote = program + flag + shellQuote("unix://"+s.socket) + " system dial-stdio"
	}
	timeout := fmt.Sprintf("ConnectTimeout=%d", int(sshTimeout.Seconds()))
	return append(s.login(), "-o", timeout, "-T", "--", s.host, remote)
}

// trial returns a command for the user to see whether ssh and the remote docker work.
func (s *sshHost) trial() string { return s.typed("docker", "version") }

// typed returns a remote command as the user types it.
func (s *sshHost) typed(command ...string) string {
	return strings.Join(append(append(s.login(), s.host), command...), " ")
}

// login returns the ssh command with user and port.
func (s *sshHost) login() []string {
	args := []string{"ssh"}
	if s.user != "" {
		args = append(args, "-l", s.user)
	}
	if s.port != "" {
		args = append(args, "-p", s.port)
	}
	return args
}

// shellQuote quotes s as one word for the remote user's POSIX shell, which runs the command of ssh.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
