package registry_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// environment returns a Getenv.
func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// basic returns a login as docker writes it.
func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// helper writes a credential helper into a folder and adds the folder to PATH.
func helper(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// answer returns a script that knows the login of one server.
func answer(host string) string {
	return fmt.Sprintf(`read server || true
echo "secret words on stderr: %[2]s" >&2
[ "$1" = get ] && [ "$server" = %[1]q ] || { echo "credentials not found in native keychain"; exit 1; }
echo '{"ServerURL":"%[1]s","Username":"%[3]s","Secret":"%[2]s"}'
`, host, password, user)
}

func TestPushFindsTheLogin(t *testing.T) {
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{Htpasswd: htpasswd})
	img := hello(t, 1)
	right := basic(user, password)
	for _, tt := range []struct {
		name  string
		files map[string]string // below the home; HOST is the registry's
		vars  map[string]string // below the home
		use   func(t *testing.T)
	}{
		{name: "docker's file", files: map[string]string{".docker/config.json": `{"auths":{"HOST":{"auth":"` + right + `"}}}`}},
		{name: "an old file", files: map[string]string{".docker/config.json": `{"auths":{"http://HOST/v1/":{"username":"` + user + `","password":"` + password + `"}}}`}},
		{name: "DOCKER_CONFIG", files: map[string]string{"elsewhere/config.json": `{"auths":{"HOST":{"auth":"` + right + `"}}}`,
			".docker/config.json": "broken"}, vars: map[string]string{"DOCKER_CONFIG": "elsewhere"}},
		{name: "podman's file", files: map[string]string{".config/containers/auth.json": `{"auths":{"HOST":{"auth":"` + right + `"}}}`}},
		{name: "podman's variable", files: map[string]string{"a.json": `{"auths":{"HOST":{"auth":"` + right + `"}}}`}, vars: map[string]string{"REGISTRY_AUTH_FILE": "a.json"}},
		{name: "podman's runtime folder", files: map[string]string{"run/containers/auth.json": `{"auths":{"HOST":{"auth":"` + right + `"}}}`}, vars: map[string]string{"XDG_RUNTIME_DIR": "run"}},
		{name: "a part of the registry", files: map[string]string{".config/containers/auth.json": `{"auths":{"HOST":{"auth":"` + basic("no", "no") +
			`"},"HOST/acme":{"auth":"` + right + `"},"HOST/acme/hello-not":{"auth":"` + basic("no", "no") + `"}}}`}},
		{name: "a helper", files: map[string]string{".docker/config.json": `{"credHelpers":{"HOST":"fromscratch-test"}}`},
			use: func(t *testing.T) { helper(t, "fromscratch-test", answer(host)) }},
		{name: "a helper of all", files: map[string]string{".docker/config.json": `{"auths":{"HOST":{}},"credsStore":"fromscratch-test"}`},
			use: func(t *testing.T) { helper(t, "fromscratch-test", answer(host)) }},
		{name: "a helper that knows nothing", files: map[string]string{".docker/config.json": `{"credsStore":"fromscratch-test","auths":{"HOST":{"auth":"` + right + `"}}}`},
			use: func(t *testing.T) { helper(t, "fromscratch-test", answer("other.example")) }},
		{name: "podman's after docker's", files: map[string]string{".docker/config.json": `{"auths":{"other.example":{"auth":"` + basic("no", "no") + `"}}}`,
			".config/containers/auth.json": `{"auths":{"HOST":{"auth":"` + right + `"}}}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.use != nil {
				tt.use(t)
			}
			r := request(t, host, img)
			r.Credentials.Getenv = home(t, host, tt.files, tt.vars)
			push(t, r)
		})
	}
}

// home returns an environment whose HOME has these files.
func home(t *testing.T, host string, files, vars map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), strings.ReplaceAll(content, "HOST", host))
	}
	env := map[string]string{"HOME": dir}
	for name, path := range vars {
		env[name] = filepath.Join(dir, path)
	}
	return environment(env)
}

// A push without a valid login fails, and the error does not contain the login.
func TestPushWithoutALogin(t *testing.T) {
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{Htpasswd: htpasswd})
	img := hello(t, 1)
	for _, tt := range []struct {
		name, config string
		use          func(t *testing.T)
		want         []string
	}{
		{name: "none", config: `{}`, want: []string{"credential not found", "fix: log in with \"docker login " + host + "\""}},
		{name: "a wrong one", config: `{"auths":{"HOST":{"auth":"` + basic("other", password) + `"}}}`, want: []string{"401 Unauthorized", "fix: log in"}},
		{name: "of another registry", config: `{"auths":{"other.example":{"auth":"` + basic(user, password) + `"}}}`, want: []string{"fix: log in"}},
		{name: "broken JSON", config: `{"auths":{"HOST":{"password":"` + password + `"`, want: []string{"config.json", "fix: repair the file"}},
		{name: "no password", config: `{"auths":{"HOST":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("no colon")) + `"}}}`, want: []string{"config.json", "fix: log in again"}},
		{name: "no base64", config: `{"auths":{"HOST":{"auth":"` + password + `"}}}`, want: []string{"fix: log in again"}},
		{name: "a helper that is not there", config: `{"credsStore":"fromscratch-nowhere"}`, want: []string{"docker-credential-fromscratch-nowhere is not in PATH", "fix: "}},
		{name: "a helper that fails", config: `{"credsStore":"fromscratch-test"}`, want: []string{"docker-credential-fromscratch-test has failed", "exit status 7", "fix: "},
			use: func(t *testing.T) {
				helper(t, "fromscratch-test", "echo '"+password+"'; echo '"+password+"' >&2; exit 7\n")
			}},
		{name: "a helper that talks", config: `{"credsStore":"fromscratch-test"}`, want: []string{"does not answer in JSON", "fix: "},
			use: func(t *testing.T) { helper(t, "fromscratch-test", "echo '"+password+"'\n") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.use != nil {
				tt.use(t)
			}
			p := startProxy(t, host, nil)
			r := request(t, p.host, img)
			r.Credentials.Getenv = home(t, p.host, map[string]string{".docker/config.json": tt.config}, nil)
			_, err := registry.Push(context.Background(), r)
			wantError(t, err, append([]string{}, strings.Split(strings.ReplaceAll(strings.Join(tt.want, "\x00"), host, p.host), "\x00")...)...)
			if n := p.count("", ""); n > 5 {
				t.Errorf("there were %d requests, want no retry", n)
			}
		})
	}
}

// No error contains the login, even if the registry's answer repeats it.
func TestPushHidesTheLogin(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	p := startProxy(t, host, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("Www-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":"no %s, no %s"}]}`, password, r.Header.Get("Authorization"))
		return true
	})
	r := request(t, p.host, hello(t, 1))
	r.Credentials.Getenv = home(t, p.host, map[string]string{".docker/config.json": `{"auths":{"HOST":{"auth":"` + basic(user, password) + `"}}}`}, nil)
	_, err := registry.Push(context.Background(), r)
	wantError(t, err, "400 Bad Request")
}

// certificate makes a certificate authority, and a certificate for this machine signed by it.
func certificate(t *testing.T) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		}
	}
	authority, host := template(1, "fromscratch test"), template(2, "localhost")
	authority.IsCA, authority.KeyUsage = true, x509.KeyUsageCertSign
	host.IPAddresses, host.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		writeFile(t, path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
		return path
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	ca = write("ca.pem", "CERTIFICATE", der, err)
	der, err = x509.CreateCertificate(rand.Reader, host, authority, &hostKey.PublicKey, authorityKey)
	cert = write("cert.pem", "CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(hostKey)
	return ca, cert, write("key.pem", "PRIVATE KEY", der, err)
}

// A push works over TLS with a private certificate authority and a login.
func TestPushByTLS(t *testing.T) {
	t.Parallel()
	ca, cert, key := certificate(t)
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{Htpasswd: htpasswd, Cert: cert, Key: key})
	img := hello(t, 1)
	r := request(t, host, img)
	r.Credentials.Getenv = home(t, host, map[string]string{".docker/config.json": `{"auths":{"HOST":{"auth":"` + basic(user, password) + `"}}}`}, nil)
	_, err := registry.Push(context.Background(), r)
	wantError(t, err, "certificate", "fix: set IMAGE_REGISTRY_CA")
	r.CAFile = ca
	first := push(t, r)
	// Another name of the machine means the same registry.
	local := strings.Replace(host, "127.0.0.1", "localhost", 1)
	r.Repository = local + "/acme/hello"
	r.Credentials.Getenv = home(t, local, map[string]string{".docker/config.json": `{"auths":{"HOST":{"auth":"` + basic(user, password) + `"}}}`}, nil)
	if second := push(t, r); second.Sent != 0 || second.Digest != first.Digest {
		t.Errorf("the second push is %+v", second)
	}
}

// A push without TLS is refused unless the registry is on this machine: otherwise the login could be read on the way.
func TestPushNeedsTLS(t *testing.T) {
	t.Parallel()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var outside string
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			outside = ip.IP.String()
		}
	}
	if outside == "" {
		skip(t, "the machine has no address but its own")
	}
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	l, err := net.Listen("tcp", outside+":0")
	if err != nil {
		skip(t, err.Error())
	}
	p := startProxyAt(t, host, l, nil)
	r := request(t, p.host, hello(t, 1))
	_, err = registry.Push(context.Background(), r)
	wantError(t, err, "HTTP response to HTTPS client", "fix: ", "IMAGE_REGISTRY_HTTP="+p.host)
	if n := p.count("", ""); n > 0 {
		t.Errorf("there were %d requests", n)
	}
	r.PlainHTTP = true
	push(t, r)
}

// If a registry with TLS redirects elsewhere, the login is not sent there.
func TestPushKeepsTheLoginHere(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	var leaked string
	elsewhere := startProxy(t, host, func(_ http.ResponseWriter, r *http.Request) bool {
		leaked += r.Header.Get("Authorization")
		return false
	})
	p := startProxy(t, host, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("Www-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if r.Method != http.MethodPost {
			return false
		}
		resp, err := http.Post("http://"+host+r.URL.Path, "", nil)
		if err != nil {
			t.Error(err)
			return false
		}
		resp.Body.Close()
		w.Header().Set("Location", "http://"+elsewhere.host+resp.Header.Get("Location"))
		w.WriteHeader(http.StatusAccepted)
		return true
	})
	r := request(t, p.host, hello(t, 1))
	r.Parallel = 1
	r.Credentials.Getenv = home(t, p.host, map[string]string{".docker/config.json": `{"auths":{"HOST":{"auth":"` + basic(user, password) + `"}}}`}, nil)
	push(t, r)
	if n := elsewhere.count("PUT", "/blobs/uploads/"); n != 3 || leaked != "" {
		t.Errorf("%d blobs went elsewhere, with %q", n, leaked)
	}
}

// The same advice comes if what the registry's address answers is neither TLS nor HTTP.
func TestNoTLSAtAll(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("220 mail.example ready\r\n"))
			_ = conn.Close()
		}
	}()
	_, err = registry.Push(context.Background(), request(t, l.Addr().String(), hello(t, 1)))
	wantError(t, err, "TLS handshake", "fix: ", "IMAGE_REGISTRY_HTTP="+l.Addr().String())
}
