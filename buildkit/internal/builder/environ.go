package builder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// forwardedGoEnv are the settings of the user's go command, from the environment or "go env -w", that also apply in a
// builder: where modules come from, and how programs are compiled. Settings with folders or programs of this machine do not.
var forwardedGoEnv = []string{"GOFLAGS", "GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOINSECURE", "GOEXPERIMENT", "GOVCS", "GOAUTH"}

// forwardedEnv are the variables that a builder gets unchanged. The docker command forwards proxies to builds too.
var forwardedEnv = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "GOWORK", "GO111MODULE"}

// Paths in a container of things that belong to the user.
var (
	insideProxy = inside("proxy")
	insideAgent = inside("agent")
	insideHosts = inside("home/known_hosts")
)

// ask reads the settings of this machine's go command, once.
func (b *Builder) ask(ctx context.Context) (err error) {
	if b.settings != nil {
		return nil
	}
	settings, err := b.HostGo.Settings(ctx, append([]string{"GOMODCACHE"}, forwardedGoEnv...)...)
	if err != nil {
		return err
	}
	config, bases := b.insteadOf(ctx)
	b.settings, b.gitConfig, b.need = settings, config, needOf(b.wishes, b.origin, settings, bases)
	b.need.addAddress("GOPROXY", settings["GOPROXY"])
	for _, key := range forwardedEnv {
		b.need.addAddress(key, b.getenv(key))
	}
	return nil
}

// environ returns the environment of commands in the container: the image's own, then the builder's, then the user's
// settings.
func (b *Builder) environ(ctx context.Context, c config.Config) ([]string, error) {
	// Only a running container shows whether files are mounted.
	box, err := b.start(ctx)
	if err != nil {
		return nil, err
	}
	env := append([]string{}, b.image.Env...)
	env = append(env, "HOME="+inside("home"), "GOCACHE="+b.goCache(), "GOMODCACHE="+inside("mod"), "GOENV=off", "GOTOOLCHAIN=local")
	for _, key := range forwardedGoEnv {
		value := b.settings[key]
		if key == "GOPROXY" && box.Copied == nil && b.proxy() != "" { // even before "off", as on this machine
			value = strings.TrimSuffix("file://"+insideProxy+","+value, ",")
		}
		if value != "" {
			env = append(env, key+"="+value)
		}
	}
	for _, key := range forwardedEnv {
		if value := b.getenv(key); value != "" {
			env = append(env, key+"="+value)
		}
	}
	if box.Copied == nil && b.agent() != "" {
		env = append(env, "SSH_AUTH_SOCK="+insideAgent, "GIT_SSH_COMMAND=ssh -o UserKnownHostsFile="+insideHosts)
	}
	if value := c.Build.Env["GOTOOLCHAIN"]; value != "" {
		env = append(env, "GOTOOLCHAIN="+value)
	}
	return env, nil
}

// Go returns the container's go command, in a folder. The file of a secret is in the container's memory alone.
func (b *Builder) Go(ctx context.Context, c config.Config, dir string, secrets []gobuild.Secret) (gobuild.Go, error) {
	env, err := b.environ(ctx, c)
	if err != nil {
		return gobuild.Go{}, err
	}
	there := slices.Clone(secrets)
	for i, s := range there {
		if s.File == "" {
			continue
		}
		box, err := b.start(ctx)
		if err != nil {
			return gobuild.Go{}, err
		}
		there[i].Value = insideSecret(s)
		if err := box.WriteSecret(ctx, there[i].Value, []byte(s.File)); err != nil {
			return gobuild.Go{}, fmt.Errorf("lending %q to the builder: %w", s.Value, err)
		}
	}
	return gobuild.Go{Dir: dir, Env: env, Runner: b}.WithSecrets(there), nil
}

// insideSecret returns the path of the file of a secret in a container. Another Config may have another file for the same variable there.
func insideSecret(s gobuild.Secret) string {
	h := fnv.New64a()
	io.WriteString(h, s.Value)
	return inside(fmt.Sprintf("home/secret-%s-%x", s.Name, h.Sum(nil)))
}

// sharedMounts returns the mounts of the user's files for a container that can mount this machine's files: the downloaded
// modules, as a proxy (https://go.dev/ref/mod#module-cache), and the socket of the SSH agent.
func (b *Builder) sharedMounts() []docker.Bind {
	var binds []docker.Bind
	if dir := b.proxy(); dir != "" {
		binds = append(binds, docker.Bind{Host: dir, Container: insideProxy, ReadOnly: true})
	}
	if socket := b.agent(); socket != "" {
		binds = append(binds, docker.Bind{Host: socket, Container: insideAgent})
	}
	return binds
}

// proxy returns the folder of modules that this machine has downloaded, "" if there is none.
func (b *Builder) proxy() string {
	dir := filepath.Join(b.settings["GOMODCACHE"], "cache", "download")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || b.settings["GOMODCACHE"] == "" {
		return ""
	}
	return dir
}

// agent returns the socket of the user's SSH agent, "" if it is not needed or cannot be shared: only an engine on this
// machine can use it.
func (b *Builder) agent() string {
	socket := b.getenv("SSH_AUTH_SOCK")
	if socket == "" || !b.need.ssh || !b.engine.Local() {
		return ""
	}
	conn, err := net.Dial("unix", socket) // with a dead socket, the container could not be made
	if err != nil {
		return ""
	}
	conn.Close()
	return socket
}

// withoutAgent returns why a container lacks the user's SSH agent, "" if it has it, if there is none, or if it is not
// needed.
func (b *Builder) withoutAgent(c *docker.Builder) string {
	socket := b.getenv("SSH_AUTH_SOCK")
	if socket == "" || !b.need.ssh {
		return ""
	}
	switch {
	case c.Copied != nil:
		return "the container has copies of this machine's files, and a socket cannot be copied"
	case !b.engine.Local():
		return fmt.Sprintf("the engine at %s is not on this machine", b.engine.Host())
	case b.agent() == "":
		return fmt.Sprintf("nobody answers at %q", socket)
	}
	return ""
}

func (b *Builder) getenv(key string) string { return lookup(b.HostGo.Env, key) }

// lend writes the secrets that private modules need into a folder of the container that is in memory. They are not in the
// image, in a commit of the container or in its environment, and vanish with the container.
func (b *Builder) lend(ctx context.Context, c *docker.Builder) error {
	b.has = b.need.addresses()
	home := b.getenv("HOME")
	if len(b.need.hosts) > 0 {
		file := cmp.Or(b.getenv("NETRC"), join(home, ".netrc"))
		content, err := readOwn(file)
		if err != nil {
			return fmt.Errorf("lending %q to the builder: %w", file, err)
		}
		logins, hosts := netrcFor(b.need.hosts, content)
		if err := b.lendFile(ctx, c, ".netrc", file, logins); err != nil {
			return err
		}
		if len(hosts) > 0 {
			b.has = append(b.has, "logins for "+strings.Join(hosts, " and "))
		}
	}
	if b.need.ssh {
		file := join(home, ".ssh/known_hosts")
		content, err := readOwn(file)
		if err != nil {
			return fmt.Errorf("lending %q to the builder: %w", file, err)
		}
		if err := b.lendFile(ctx, c, "known_hosts", file, content); err != nil {
			return err
		}
		if c.Copied == nil && b.agent() != "" {
			b.has = append(b.has, "the SSH agent")
		}
	}
	if b.gitConfig == "" {
		return nil
	}
	b.has = append(b.has, "git's insteadOf")
	return b.lendFile(ctx, c, ".gitconfig", "git's insteadOf", b.gitConfig)
}

// lendFile writes a file into the home of the container, unless it is empty. from names its origin in errors.
func (b *Builder) lendFile(ctx context.Context, c *docker.Builder, name, from, content string) error {
	if content == "" {
		return nil
	}
	if err := c.WriteSecret(ctx, inside("home/"+name), []byte(content)); err != nil {
		return fmt.Errorf("lending %q to the builder: %w", from, err)
	}
	return nil
}

// readOwn reads a file of the user. It returns "" for a missing or unreadable file: this machine's go command would do without
// it too.
func readOwn(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	return string(content), err
}

// Lent returns what the container was lent, and which settings asked for it; "" for nothing.
func (b *Builder) Lent() (what, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.has, ", "), strings.Join(b.need.why, ", ")
}

func join(home, name string) string {
	if home == "" {
		return ""
	}
	return filepath.Join(home, filepath.FromSlash(name))
}

// insteadOf returns a git configuration with the user's url.*.insteadOf, "" if there are none. Other settings are left out:
// they are about this machine or about commits. bases are the URLs that git asks instead. See git-config(1).
func (b *Builder) insteadOf(ctx context.Context) (text string, bases []string) {
	cmd := exec.CommandContext(ctx, "git", "config", "--global", "--null", "--get-regexp", `^url\..*\.insteadof$`)
	cmd.Env = b.HostGo.Env
	out, err := cmd.Output()
	if err != nil {
		return "", nil // no git, or nothing configured
	}
	var config strings.Builder
	for _, entry := range strings.Split(string(out), "\x00") {
		key, value, ok := strings.Cut(entry, "\n")
		base := strings.TrimSuffix(strings.TrimPrefix(key, "url."), ".insteadof")
		if ok {
			bases = append(bases, base)
			fmt.Fprintf(&config, "[url %q]\n\tinsteadOf = %q\n", base, value)
		}
	}
	return config.String(), bases
}

// lookup returns the value of a variable. The last one with its name counts, as for a process.
func lookup(env []string, key string) string {
	for _, v := range slices.Backward(env) {
		if name, value, _ := strings.Cut(v, "="); name == key {
			return value
		}
	}
	return ""
}
