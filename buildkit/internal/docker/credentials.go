package docker

import (
	"context"

	"github.com/docker/docker/api/types/registry"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/login"
)

// Docker Hub has one name in references, another as a host, and a third among the credentials
// (https://github.com/docker/cli/blob/v28.5.2/cli/config/configfile/file.go).
const (
	hubDomain = "docker.io"
	hubHost   = "registry-1.docker.io"
	dockerHub = "https://index.docker.io/v1/"
)

// configFolder is the docker command's configuration folder; "" means that there is none.
type configFolder string

// credentials returns the credentials that the docker command would send to the registry of a repository
// ("registry.example/acme/hello"), the zero value if it would send none.
func (c configFolder) credentials(ctx context.Context, domain, repository string) (registry.AuthConfig, error) {
	if c == "" {
		return registry.AuthConfig{}, nil
	}
	host, server := domain, domain
	if domain == hubDomain {
		host, server = hubHost, dockerHub
	}
	cred, err := login.Places{DockerConfig: string(c)}.Find(ctx, host, repository)
	if err != nil || cred == auth.EmptyCredential {
		return registry.AuthConfig{}, err
	}
	return registry.AuthConfig{
		Username: cred.Username, Password: cred.Password, IdentityToken: cred.RefreshToken, RegistryToken: cred.AccessToken, ServerAddress: server,
	}, nil
}
