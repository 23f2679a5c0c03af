package host

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// sshHost is an engine behind ssh: "ssh://user@host:port/path/to/docker.sock", where all but the host may be missing.
type sshHost struct {
	user, host, port, socket string

	podman bool // podman's command is used there, not docker's
}

// parseSSH reads an ssh:// host. A password is refused as in the docker command; so is what ssh or a shell in ssh's
// configuration (ProxyCommand with %h) could take for more than a name.
func parseSSH(host string) (*sshHost, error) {
	u, err := url.Parse(host)
	var malformed *url.Error
	if errors.As(err, &malformed) {
		return nil, malformed.Err // without the host, which may hold a password
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

// command is the ssh command whose standard input and output are a connection to the engine, as in the docker command:
// no terminal, so that no login shell speaks in between, and a bounded connect.
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

// trial is what a person can type to see whether ssh and the remote docker work.
func (s *sshHost) trial() string { return s.typed("docker", "version") }

// typed is a command there as a person types it.
func (s *sshHost) typed(command ...string) string {
	return strings.Join(append(append(s.login(), s.host), command...), " ")
}

// login is ssh with user and port.
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

// shellQuote makes one word of s for the remote user's POSIX shell, to which ssh hands its command.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
