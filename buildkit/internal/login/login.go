// Package login finds the login of a registry: in docker's configuration, then in podman's, and in the credential helpers that
// they name. It is the only place that reads logins, for pulls, pushes and pulls by an engine.
package login

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Places says where to look for logins. The zero value finds none.
//
// The first file with a login for the registry counts. Docker's config.json is first, in the folder DOCKER_CONFIG, else in
// ~/.docker. Then come podman's files: REGISTRY_AUTH_FILE, and auth.json in $XDG_RUNTIME_DIR/containers,
// /run/containers/UID, and $XDG_CONFIG_HOME/containers, else ~/.config/containers. In each file, a credential helper for the
// registry (credHelpers) comes first, then the helper for all registries (credsStore), then the logins in the file itself.
//
//   - https://docs.docker.com/reference/cli/docker/login/#credential-stores
//   - https://github.com/containers/image/blob/v5.34.0/docs/containers-auth.json.5.md
type Places struct {
	// Getenv looks up the variables, such as HOME. If it is nil, no login is found.
	Getenv func(string) string
	// DockerConfig, if set, is the folder of the docker command's configuration. Then only its config.json is read, and
	// Getenv is ignored. It is used for an engine that pulls, which gets the login that the docker command would send.
	DockerConfig string
}

// dockerHub is the name of Docker Hub in configuration files, and hubHost is its address.
const dockerHub, hubHost = "https://index.docker.io/v1/", "registry-1.docker.io"

// Find returns the login for a repository, like "registry.example/acme/hello", of the registry at host, "registry.example" or
// "registry-1.docker.io". The empty credential means that there is none. Find fails if a file cannot be read or a helper
// fails.
func (p Places) Find(ctx context.Context, host, repository string) (auth.Credential, error) {
	for _, path := range p.files() {
		config, err := readAuthFile(path)
		if err != nil {
			return auth.EmptyCredential, err
		}
		cred, err := config.find(ctx, host, repository)
		if err != nil {
			return auth.EmptyCredential, fmt.Errorf("finding the login for %q with %q: %w", host, path, err)
		}
		if cred != auth.EmptyCredential {
			return cred, nil
		}
	}
	return auth.EmptyCredential, nil
}

// files returns the configuration files, in order.
func (p Places) files() []string {
	if p.DockerConfig != "" {
		return []string{filepath.Join(p.DockerConfig, "config.json")}
	}
	if p.Getenv == nil {
		return nil
	}
	home := p.Getenv("HOME")
	if home == "" {
		home = p.Getenv("USERPROFILE") // on Windows
	}
	var files []string
	add := func(dir string, elements ...string) {
		if dir != "" {
			files = append(files, filepath.Join(append([]string{dir}, elements...)...))
		}
	}
	if dir := p.Getenv("DOCKER_CONFIG"); dir != "" {
		add(dir, "config.json")
	} else {
		add(home, ".docker", "config.json")
	}
	add(p.Getenv("REGISTRY_AUTH_FILE"))
	add(p.Getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")
	if uid := os.Getuid(); uid >= 0 {
		add("/run/containers", strconv.Itoa(uid), "auth.json")
	}
	if dir := p.Getenv("XDG_CONFIG_HOME"); dir != "" {
		add(dir, "containers", "auth.json")
	} else {
		add(home, ".config", "containers", "auth.json")
	}
	return files
}

// authFile has the fields of a configuration file that are about logins.
type authFile struct {
	Auths       map[string]authEntry `json:"auths"`
	CredsStore  string               `json:"credsStore"`
	CredHelpers map[string]string    `json:"credHelpers"`
}

// authEntry is the login of one registry, or of a part of it.
type authEntry struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// readAuthFile reads a file. A missing file has no logins. Its errors do not quote the file, which may have a password.
func readAuthFile(path string) (authFile, error) {
	var f authFile
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) && strings.HasPrefix(path, "/run/") {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("looking for logins: %w", err)
	}
	if json.Unmarshal(text, &f) != nil {
		return f, fmt.Errorf("looking for logins in %q: it is not the JSON that docker writes\nfix: repair the file, or log in again", path)
	}
	return f, nil
}

// find asks the helpers, then looks in the file itself.
func (f authFile) find(ctx context.Context, host, repository string) (auth.Credential, error) {
	server := host
	if host == hubHost {
		server = dockerHub
	}
	asked := map[string]bool{"": true}
	for _, helper := range []string{f.CredHelpers[server], f.CredHelpers[plainKey(server)], f.CredsStore} {
		if asked[helper] {
			continue
		}
		asked[helper] = true
		cred, err := askHelper(ctx, helper, server)
		if err != nil || cred != auth.EmptyCredential {
			return cred, err
		}
	}
	if e, ok := f.entry(host, repository); ok {
		return e.credential()
	}
	return auth.EmptyCredential, nil
}

// entry returns the entry for the repository. podman has entries for a part of a registry, and the longest match counts.
func (f authFile) entry(host, repository string) (authEntry, bool) {
	name := host + strings.TrimPrefix(repository, strings.SplitN(repository, "/", 2)[0])
	if host == hubHost {
		host, name = "docker.io", repository
	}
	found, best := authEntry{}, ""
	for _, key := range slices.Sorted(maps.Keys(f.Auths)) { // in order, so that of two keys for one registry the same wins each time
		if k := plainKey(key); len(k) > len(best) && (k == host || strings.HasPrefix(name+"/", k+"/")) {
			found, best = f.Auths[key], k
		}
	}
	return found, best != ""
}

// plainKey returns a key without the scheme and version that old files of docker have: "https://registry.example/v1/".
func plainKey(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "http://"), "https://")
	key = strings.TrimSuffix(key, "/")
	key = strings.TrimSuffix(strings.TrimSuffix(key, "/v1"), "/v2")
	if key == "index.docker.io" || key == hubHost {
		return "docker.io"
	}
	return key
}

// credential returns the entry as a credential of the client.
func (e authEntry) credential() (auth.Credential, error) {
	cred := auth.Credential{Username: e.Username, Password: e.Password, RefreshToken: e.IdentityToken, AccessToken: e.RegistryToken}
	if e.Auth == "" {
		return cred, nil
	}
	text, err := base64.StdEncoding.DecodeString(e.Auth)
	user, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok {
		return auth.EmptyCredential, errors.New("its auth is not the base64 of user:password\nfix: log in again")
	}
	cred.Username, cred.Password = user, strings.TrimRight(password, "\x00")
	return cred, nil
}

// helperGrace is how long to wait for the output of a helper after it was told to end.
const helperGrace = time.Second

// errNotFound is the output of helpers that have no login.
// https://github.com/docker/docker-credential-helpers/blob/v0.8.2/credentials/error.go
const errNotFound = "credentials not found in native keychain"

// askHelper runs docker-credential-NAME. Its errors do not quote the helper's output.
// https://github.com/docker/docker-credential-helpers#development
func askHelper(ctx context.Context, name, server string) (auth.Credential, error) {
	program := "docker-credential-" + name
	cmd := exec.CommandContext(ctx, program, "get")
	cmd.Stdin, cmd.WaitDelay = strings.NewReader(server), helperGrace
	out, err := cmd.Output()
	if err != nil && strings.Contains(string(out), errNotFound) {
		return auth.EmptyCredential, nil
	}
	if ctx.Err() != nil {
		return auth.EmptyCredential, context.Cause(ctx)
	}
	fix := fmt.Sprintf("fix: see what \"echo %s | %s get\" says, or log in again", plaintext.Shell(server), plaintext.Shell(program))
	if errors.Is(err, exec.ErrNotFound) {
		return auth.EmptyCredential, fmt.Errorf("the credential helper %s is not in PATH\nfix: install it, or remove it from the file and log in again", program)
	}
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("the credential helper %s has failed: %w\n%s", program, plainExit(err), fix)
	}
	var answer struct{ Username, Secret string }
	if json.Unmarshal(bytes.TrimSpace(out), &answer) != nil {
		return auth.EmptyCredential, fmt.Errorf("the credential helper %s does not answer in JSON\n%s", program, fix)
	}
	if answer.Username == "<token>" { // an identity token
		return auth.Credential{RefreshToken: answer.Secret}, nil
	}
	return auth.Credential{Username: answer.Username, Password: answer.Secret}, nil
}

// plainExit returns the exit status without the output on stderr.
func plainExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return errors.New(exit.ProcessState.String())
	}
	return err
}
