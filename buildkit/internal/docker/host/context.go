package host

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// A docker context is a named endpoint in the docker command's folder:
//
//	config.json                                 currentContext: the name in use
//	contexts/meta/<sha256 of the name>/meta.json        Endpoints.docker: Host, SkipTLSVerify
//	contexts/tls/<sha256 of the name>/docker/*.pem      ca.pem, cert.pem, key.pem
//
// Source: https://github.com/docker/cli/blob/v28.5.2/cli/context/store/doc.go

// contextMeta holds the used fields of a meta.json.
type contextMeta struct {
	Name      string
	Endpoints map[string]struct {
		Host          string
		SkipTLSVerify bool
	}
}

// contextName returns the name of the context in use, the setting that chose it, and how to choose another. The name is
// "" if nobody chose a context.
func (o Options) contextName() (name, origin, undo string, err error) {
	if name := o.getenv("DOCKER_CONTEXT"); name != "" {
		return name, contextOrigin(name, "DOCKER_CONTEXT"), "unset DOCKER_CONTEXT", nil
	}
	if o.ConfigFolder() == "" {
		return "", "", "", nil
	}
	file := filepath.Join(o.ConfigFolder(), "config.json")
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", "", nil
	}
	var config struct{ CurrentContext string }
	if err == nil {
		err = json.Unmarshal(content, &config)
	}
	if err != nil {
		return "", "", "", &ConfigError{
			Origin: file,
			Err:    fmt.Errorf("reading the current context: %w", err),
			Fix:    "repair the file, or set DOCKER_HOST",
		}
	}
	name = config.CurrentContext
	return name, contextOrigin(name, file), "docker context use default", nil
}

// contextOrigin names a context and the setting that chose it, for errors.
func contextOrigin(name, source string) string { return fmt.Sprintf("context %q (%s)", name, source) }

// contextEndpoint reads the endpoint of a context.
func (o Options) contextEndpoint(name, origin, undo string) (Endpoint, error) {
	ep := Endpoint{Origin: origin, undo: undo}
	meta, err := o.readContext(name)
	if err != nil {
		return Endpoint{}, &ConfigError{Origin: origin, Err: err, Fix: o.contextFix(undo)}
	}
	docker, ok := meta.Endpoints["docker"]
	if !ok {
		return Endpoint{}, &ConfigError{Origin: origin, Err: errors.New("it has no docker endpoint"), Fix: o.contextFix(undo)}
	}
	if ep.Host, err = parseContextHost(docker.Host); err != nil {
		return Endpoint{}, ep.invalid(err, hostFix)
	}
	if usesTLS(ep.Host) {
		// To an https:// host without certificates the docker command speaks plain HTTP. Nobody can want that.
		wanted := docker.SkipTLSVerify || strings.HasPrefix(ep.Host, "https://")
		if ep.TLS, err = o.contextTLS(name, wanted, docker.SkipTLSVerify); err != nil {
			return Endpoint{}, ep.invalid(err, tlsFilesFix)
		}
	}
	return ep.complete()
}

// parseContextHost is parseHost that also accepts http and https, which a context may use and DOCKER_HOST may not.
func parseContextHost(host string) (string, error) {
	scheme, rest, _ := strings.Cut(host, "://")
	if scheme != "http" && scheme != "https" {
		return parseHost(host, false)
	}
	completed, err := parseTCP(rest)
	return scheme + strings.TrimPrefix(completed, "tcp"), err
}

// contextPattern matches the names that the docker command accepts.
const contextPattern = `^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$`

// readContext reads the meta.json of a context. The caller names the context in the error.
func (o Options) readContext(name string) (contextMeta, error) {
	if !regexp.MustCompile(contextPattern).MatchString(name) {
		return contextMeta{}, errors.New("that is not a context's name")
	}
	if o.ConfigFolder() == "" {
		return contextMeta{}, errors.New("no HOME or DOCKER_CONFIG to read contexts from")
	}
	meta, err := readMeta(filepath.Join(o.ConfigFolder(), "contexts", "meta", contextID(name), "meta.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return contextMeta{}, fmt.Errorf("no such context in %q", o.ConfigFolder())
	}
	return meta, err
}

// readMeta reads a meta.json. Field names match in any case, as for the docker command.
func readMeta(file string) (contextMeta, error) {
	var meta contextMeta
	content, err := os.ReadFile(file)
	if err != nil {
		return meta, err
	}
	if err := json.Unmarshal(content, &meta); err != nil {
		return meta, fmt.Errorf("reading %q: %w", file, err)
	}
	return meta, nil
}

// contextID returns the name of a context's folder.
func contextID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// contextFix returns a fix that lists the contexts to choose from.
func (o Options) contextFix(undo string) string {
	var words []string
	for _, name := range o.contextNames() { // they are words of a command: docker context use NAME
		words = append(words, plaintext.Shell(name))
	}
	return fmt.Sprintf("choose one of these contexts: %s; or %s", strings.Join(words, ", "), undo)
}

// contextNames lists the contexts in order, with "default" first, which always exists. It leaves out contexts that can't
// be read: the list helps in an error that has another cause.
func (o Options) contextNames() []string {
	metas, err := filepath.Glob(filepath.Join(o.ConfigFolder(), "contexts", "meta", "*", "meta.json"))
	if err != nil || o.ConfigFolder() == "" {
		return []string{"default"}
	}
	var names []string
	for _, file := range metas {
		if meta, err := readMeta(file); err == nil && meta.Name != "" {
			names = append(names, meta.Name)
		}
	}
	sort.Strings(names)
	return append([]string{"default"}, names...)
}
