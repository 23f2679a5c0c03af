package docker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/docker/docker/api/types/registry"
)

// dockerHub is the name of Docker Hub among the credentials, for historical reasons
// (https://github.com/docker/cli/blob/v28.5.2/cli/config/configfile/file.go).
const dockerHub = "https://index.docker.io/v1/"

// configFolder is the docker command's folder; "" is none.
type configFolder string

// credentials returns what the docker command would send to a registry; the zero value when it would send nothing.
// See "Credential stores" in https://docs.docker.com/reference/cli/docker/login/.
func (c configFolder) credentials(ctx context.Context, domain string) (registry.AuthConfig, error) {
	if c == "" {
		return registry.AuthConfig{}, nil
	}
	file := filepath.Join(string(c), "config.json")
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return registry.AuthConfig{}, nil
	}
	var config struct {
		Auths       map[string]struct{ Auth, IdentityToken string }
		CredHelpers map[string]string
		CredsStore  string
	}
	if err == nil {
		err = json.Unmarshal(content, &config)
	}
	if err != nil {
		return registry.AuthConfig{}, advise(fmt.Errorf("reading the credentials in %q: %w", file, err), "repair the file")
	}
	if domain == "docker.io" {
		domain = dockerHub
	}
	helper := config.CredsStore
	if h := config.CredHelpers[domain]; h != "" {
		helper = h
	}
	if helper != "" {
		return askHelper(ctx, helper, domain)
	}
	for name, a := range config.Auths {
		if name == domain || strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://"), "/") == domain {
			return decodeAuth(domain, a.Auth, a.IdentityToken)
		}
	}
	return registry.AuthConfig{}, nil
}

// decodeAuth reads "name:password" in base64.
func decodeAuth(domain, auth, token string) (registry.AuthConfig, error) {
	text, err := base64.StdEncoding.DecodeString(auth)
	name, password, ok := strings.Cut(strings.TrimRight(string(text), "\x00"), ":")
	if err != nil || auth != "" && !ok {
		return registry.AuthConfig{}, advise(fmt.Errorf("the credentials for %q are not readable", domain), "log in again: docker login")
	}
	return registry.AuthConfig{Username: name, Password: password, IdentityToken: token, ServerAddress: domain}, nil
}

// askHelper asks a credential helper (https://github.com/docker/docker-credential-helpers). What it does not have is
// none; its words are not shown, for they may be secret.
func askHelper(ctx context.Context, helper, domain string) (registry.AuthConfig, error) {
	cmd := exec.CommandContext(ctx, "docker-credential-"+helper, "get")
	cmd.Stdin = strings.NewReader(domain)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && strings.Contains(out.String(), "credentials not found") {
			return registry.AuthConfig{}, nil
		}
		return registry.AuthConfig{}, advise(fmt.Errorf("asking the credential helper %q for %q: %w", helper, domain, err), "repair the helper, or log in again: docker login")
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return registry.AuthConfig{}, fmt.Errorf("reading the answer of the credential helper %q for %q: not JSON", helper, domain)
	}
	if answer.Username == "<token>" {
		return registry.AuthConfig{IdentityToken: answer.Secret, ServerAddress: domain}, nil
	}
	return registry.AuthConfig{Username: answer.Username, Password: answer.Secret, ServerAddress: domain}, nil
}
