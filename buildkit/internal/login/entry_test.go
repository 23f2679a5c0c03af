package login

import "testing"

// The right entry of a file is found under the names that docker and podman use for registries.
func TestEntryOfAFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		keys             []string
		host, repository string
		want             string
	}{
		{"docker's name of Docker Hub", []string{"registry.example", "https://index.docker.io/v1/"}, hubHost, "docker.io/acme/hello", "https://index.docker.io/v1/"},
		{"podman's name of Docker Hub", []string{"docker.io"}, hubHost, "docker.io/acme/hello", "docker.io"},
		{"a part of Docker Hub", []string{"docker.io", "docker.io/acme"}, hubHost, "docker.io/acme/hello", "docker.io/acme"},
		{"another part of it", []string{"docker.io/acm"}, hubHost, "docker.io/acme/hello", ""},
		{"an address", []string{"https://registry.example/v2/"}, "registry.example", "registry.example/acme/hello", "https://registry.example/v2/"},
		{"a port", []string{"registry.example", "registry.example:5000"}, "registry.example:5000", "registry.example:5000/hello", "registry.example:5000"},
		{"another port", []string{"registry.example:443"}, "registry.example:5000", "registry.example:5000/hello", ""},
		{"the repository itself", []string{"registry.example/acme/hello", "registry.example/acme"}, "registry.example", "registry.example/acme/hello", "registry.example/acme/hello"},
		{"a longer name", []string{"registry.example.org"}, "registry.example", "registry.example/acme/hello", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := authFile{Auths: map[string]authEntry{}}
			for _, k := range tt.keys {
				f.Auths[k] = authEntry{Username: k}
			}
			if e, ok := f.entry(tt.host, tt.repository); ok != (tt.want != "") || e.Username != tt.want {
				t.Errorf("it is %q, %v; want %q", e.Username, ok, tt.want)
			}
		})
	}
}
