package host

import (
	"errors"
	"os/exec"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// notFound is a shell's exit code for a command that it doesn't find. ssh passes it on
// (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_08_02).
const notFound = 127

// Podman returns the endpoint that uses podman's command on the far side, not docker's. ep must be an ssh endpoint.
func (ep Endpoint) Podman() Endpoint {
	ssh := *ep.ssh
	ssh.podman = true
	ep.ssh = &ssh
	return ep
}

// LacksCommand reports whether connecting failed because the far side of ssh doesn't have the command.
func LacksCommand(err error) bool {
	var command *commandError
	var exit *exec.ExitError
	return errors.As(err, &command) && errors.As(command.err, &exit) && exit.ExitCode() == notFound
}

// fix returns the fix for a failed connection through ssh. It goes by the words of ssh(1), docker and podman.
func (s *sshHost) fix(err error) string {
	var command *commandError
	if !errors.As(err, &command) {
		if strings.Contains(err.Error(), "malformed HTTP") { // a login shell or a message of the day writes in between
			return "make this print nothing: " + s.typed("true")
		}
		return "make this work without a question: " + s.trial()
	}
	text := command.stderr
	for _, known := range []struct{ words, fix string }{
		{"IDENTIFICATION HAS CHANGED", "if the host was set up anew, remove its old key (ssh-keygen -R " + s.knownName() + ") and connect once by hand: " + s.typed()},
		{"Host key verification failed", "connect once by hand, and compare the key's fingerprint with the host's: " + s.typed()},
		{"Permission denied (", "let the host know your key (ssh-copy-id), and ssh the key (ssh-add), until this works without a question: " + s.trial()},
		{"Could not resolve hostname", "correct the host name"},
		{"Connection refused", "start the ssh server there, or correct the port"},
		{"timed out", "check that the host is up and that no firewall is in between"},
		{"No route to host", "check that the host is up and that no firewall is in between"},
		{"permission denied", "add your user there to the docker group (sudo usermod -aG docker $USER), or name its own socket: ssh://host/run/user/1000/docker.sock"},
		{"podman.sock", "start podman's service there (systemctl enable --now podman.socket), or name its socket: ssh://host/run/user/1000/podman/podman.sock"},
		{"no such file or directory", "start Docker there, or name the socket that it has: ssh://host/run/user/1000/docker.sock"},
		{"connection refused", "start Docker there"},
	} {
		if strings.Contains(text, known.words) && !LacksCommand(err) {
			return known.fix
		}
	}
	if LacksCommand(err) {
		return "install docker or podman there, where a command of ssh finds it: " + s.trial()
	}
	return "make this work without a question: " + s.trial()
}

// knownName returns the host's name in known_hosts, see "SSH_KNOWN_HOSTS FILE FORMAT" in sshd(8).
func (s *sshHost) knownName() string {
	if s.port == "" || s.port == "22" {
		return s.host
	}
	return plaintext.Shell("[" + s.host + "]:" + s.port)
}
