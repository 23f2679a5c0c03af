package buildkit_test

import (
	"archive/zip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// privateModule is a module that nobody else has, and a program that uses it.
type privateModule struct {
	path  string
	files map[string]string // of the module
	proxy string            // a folder that is a module proxy with it
	dir   string            // of the program
}

// newPrivate makes both. go.sum is complete: a builder must not write it.
func newPrivate(t *testing.T, path string) privateModule {
	t.Helper()
	m := privateModule{path: path, proxy: t.TempDir(), files: map[string]string{
		"go.mod": "module " + path + "\n\ngo 1.23\n",
		"private.go": `package private

const Word = "whispered"
`,
		"LICENSE": "for us alone\n",
	}}
	at := filepath.Join(m.proxy, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"list": "v1.0.0\n", "v1.0.0.info": `{"Version":"v1.0.0"}`, "v1.0.0.mod": m.files["go.mod"]} {
		if err := os.WriteFile(filepath.Join(at, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive, err := os.Create(filepath.Join(at, "v1.0.0.zip"))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(archive)
	for name, content := range m.files {
		f, err := w.Create(path + "@v1.0.0/" + name)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	m.dir = module(t, map[string]string{
		"go.mod": `module example.com/app

go 1.23

require ` + path + " v1.0.0\n",
		"main.go": "package main\n\nimport private \"" + path + "\"\n\nfunc main() { println(private.Word) }\n",
	})
	m.download(t, "tidy")
	return m
}

// download runs "go mod" in the program's folder, with a module cache of its own, which it returns.
func (m privateModule) download(t *testing.T, words ...string) (cache string) {
	t.Helper()
	cache = t.TempDir()
	cmd := exec.Command("go", append([]string{"mod"}, words...)...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "GOPROXY=file://"+m.proxy, "GONOSUMDB=*", "GOFLAGS=-modcacherw", "GOMODCACHE="+cache)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return cache
}

// build compiles the program in a builder for a user who has a home, an environment and no modules yet.
func (m privateModule) build(t *testing.T, image, home string, copied bool, environ ...string) (notes string, err error) {
	t.Helper()
	b := builders(t)
	b.Copy = copied
	environ = append(append(os.Environ(), "HOME="+home, "GOMODCACHE="+filepath.Join(home, "none"), "GOFLAGS=", "SSH_AUTH_SOCK=", "GOPRIVATE=",
		"GONOSUMDB="+m.path, "GOCACHE="+strings.TrimSpace(output(t, ".", "go", "env", "GOCACHE"))), environ...)
	in := buildkit.Inputs{Dir: m.dir, Environ: environ, Configs: []buildkit.Config{{Build: config.Build{Container: image}, Repo: repo + "builder-private", Licenses: true}}}
	in.Report = func(e buildkit.Event) {
		if e.State == buildkit.Note {
			notes += e.Text + "\n"
		}
	}
	err = runIn(context.Background(), b, in, func(built *buildkit.Result) error {
		if out, err := exec.Command(built.Program.Path).CombinedOutput(); err != nil || string(out) != "whispered\n" {
			t.Errorf("the program says %q, %v", out, err)
		}
		licence := "usr/share/doc/app/licenses/" + m.path + "@v1.0.0/LICENSE"
		if text, err := fs.ReadFile(built.Tree, licence); err != nil || string(text) != m.files["LICENSE"] {
			t.Errorf("the module's licence is %q (%v)", text, err)
		}
		return nil
	})
	return notes, err
}

// hostAddress is where containers on the engine's bridge reach this machine.
func hostAddress(t *testing.T) string {
	t.Helper()
	bridge, err := net.InterfaceByName("docker0")
	if err != nil {
		missing(t, "the bridge of an engine on this machine")
	}
	addresses, err := bridge.Addrs()
	if err != nil || len(addresses) == 0 {
		missing(t, "an address on the engine's bridge")
	}
	return addresses[0].(*net.IPNet).IP.String()
}

// A module comes from a proxy that wants a password, which is in the netrc; without that the error says what the proxy
// has said. What was downloaded once, by the user's own go command, serves where no proxy is asked.
func TestHeavyBuilderProxy(t *testing.T) {
	t.Parallel()
	const password = "hunter2-fromscratch-proxy"
	m := newPrivate(t, fmt.Sprintf("private.example/proxied%d", os.Getpid()))
	files := http.FileServer(http.Dir(m.proxy))
	address, image := startTLS(t, buildertest.Image(t), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, word, _ := r.BasicAuth(); user != "me" || word != password {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, r)
	}))
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	// Which of the two the go command looks for depends on its version.
	home := module(t, map[string]string{".netrc": fmt.Sprintf("machine %s login me password %s\nmachine %s login me password %[2]s\n", host, password, address)})
	other := newPrivate(t, fmt.Sprintf("private.example/downloaded%d", os.Getpid()))
	for _, row := range []struct {
		name    string
		m       privateModule
		home    string
		environ []string
		says    []string // in the error
	}{
		{"no password", m, t.TempDir(), []string{"GOPROXY=https://" + address}, []string{"401 Unauthorized", m.path}},
		{"no proxy", m, t.TempDir(), []string{"GOPROXY=off"}, []string{"disabled by GOPROXY=off"}},
		{"netrc", m, home, []string{"GOPROXY=https://" + address}, nil},
		{"downloaded", other, t.TempDir(), []string{"GOPROXY=off", "GOMODCACHE=" + other.download(t, "download")}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := row.m.build(t, image, row.home, false, row.environ...)
			if len(row.says) > 0 {
				wantWords(t, err, row.says...)
			} else if err != nil {
				t.Error(err)
			}
			if strings.Contains(fmt.Sprint(err), password) {
				t.Error("the password is told")
			}
		})
	}
}

// startTLS starts a server that containers reach, and returns its address and a builder image that trusts it.
func startTLS(t *testing.T, image string, h http.Handler) (address, trusting string) {
	t.Helper()
	host := hostAddress(t)
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(host)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.Listener.Close()
	server.Listener = listener
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)

	bundle := filepath.Join(t.TempDir(), "ca-certificates.crt")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	trusting = fmt.Sprintf("%sbuilder-trusting-%d", repo, os.Getpid())
	id := strings.TrimSpace(output(t, ".", "docker", "create", "--label", builderPrefix, image))
	t.Cleanup(func() { exec.Command("docker", "image", "rm", trusting).Run() })
	defer output(t, ".", "docker", "rm", id)
	output(t, ".", "docker", "cp", bundle, id+":/etc/ssl/certs/ca-certificates.crt")
	output(t, ".", "docker", "commit", id, trusting)
	return listener.Addr().String(), trusting
}
