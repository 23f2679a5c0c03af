//go:build linux

package endtoend_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// authority signs the certificates of a test's engine and of its clients.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{t: t}
	a.cert, a.key = a.issue(&x509.Certificate{IsCA: true, BasicConstraintsValid: true})
	return a
}

// issue makes a certificate and its key. If the authority has no certificate yet, the new one is self-signed.
func (a authority) issue(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "fromscratch-test"}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	return c, key
}

// client writes a folder for DOCKER_CERT_PATH: a client certificate of the authority, and the authority that it trusts.
func (a authority) client(trusted authority) string {
	a.t.Helper()
	dir := a.t.TempDir()
	cert, key := a.issue(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for name, block := range map[string]pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: trusted.cert.Raw}, "cert.pem": {Type: "CERTIFICATE", Bytes: cert.Raw},
		"key.pem": {Type: "EC PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return dir
}

// engine puts mutual TLS in front of the machine's engine, and returns its address.
func (a authority) engine() string {
	a.t.Helper()
	cert, key := a.issue(&x509.Certificate{DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	trusted := x509.NewCertPool()
	trusted.AddCert(a.cert)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: trusted,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go forward(conn.(*tls.Conn))
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "tcp://localhost:" + port
}

// forward connects a client to the machine's engine. It ends each direction separately.
func forward(conn *tls.Conn) {
	defer conn.Close()
	engine, err := net.Dial("unix", "/var/run/docker.sock")
	if err != nil {
		return
	}
	defer engine.Close()
	done := make(chan bool)
	go func() {
		io.Copy(engine, conn)
		engine.(*net.UnixConn).CloseWrite()
		close(done)
	}()
	io.Copy(conn, engine)
	conn.CloseWrite()
	<-done
}

// The targets use an engine behind mutual TLS, chosen by the environment, by a context, and by the current context.
func TestTLS(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	a := newAuthority(t)
	host, certs := a.engine(), a.client(a)
	config := t.TempDir()
	const name = "fromscratch-test-tls"
	dir := project(t, map[string]string{
		"main.go": speaker("hello in secret"), "magefile.go": magefileWith(`Name: "` + name + `", ` + published(t)),
	})
	removeImages(t, name+":"+tag)

	byEnv := []string{"DOCKER_HOST=" + host, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + certs, "IMAGE_OUTPUT=docker"}
	mage(t, dir, byEnv, "image").wantOK(t)
	docker(t, "image", "inspect", name+":"+tag)
	runRemotely(t, dir, byEnv, "hello in secret")

	docker(t, "--config", config, "context", "create", "secret", "--docker",
		"host="+host+",ca="+certs+"/ca.pem,cert="+certs+"/cert.pem,key="+certs+"/key.pem")
	byContext := []string{"DOCKER_HOST=", "DOCKER_CONFIG=" + config, "IMAGE_OUTPUT=docker"}
	if r := mage(t, dir, append(byContext, "DOCKER_CONTEXT=secret"), "imagePlan").wantOK(t); !strings.Contains(r.stdout, "engine at "+host) {
		t.Error("the plan does not name the context's engine")
	}
	docker(t, "--config", config, "context", "use", "secret")
	runRemotely(t, dir, byContext, "hello in secret")
}

// The error for an engine that is unreachable or wrongly configured says what, where, why, and how to fix it.
func TestUnreachableEngines(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	a, strangers := newAuthority(t), newAuthority(t)
	host, certs := a.engine(), a.client(a)
	config := t.TempDir()
	context := func(name, host string) {
		docker(t, "--config", config, "context", "create", name, "--docker", "host="+host)
	}
	context("plain", host)
	context("shell", "ssh://localhost:1")
	context("broken", "unix:///var/run/docker.sock")
	metas, err := filepath.Glob(filepath.Join(config, "contexts/meta/*/meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range metas {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), `"broken"`) {
			if err := os.WriteFile(file, text[:len(text)/2], 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	torn := t.TempDir()
	if err := os.WriteFile(filepath.Join(torn, "config.json"), []byte(`{"currentContext":`), 0o644); err != nil {
		t.Fatal(err)
	}
	withTLS := func(certs string) []string {
		return []string{"DOCKER_HOST=" + host, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + certs}
	}
	byContext := func(name string) []string {
		return []string{"DOCKER_HOST=", "DOCKER_CONFIG=" + config, "DOCKER_CONTEXT=" + name}
	}
	dir := project(t, nil)
	for _, test := range []struct {
		name string
		env  []string
		code int
		want []string
	}{
		{"no TLS", []string{"DOCKER_HOST=" + host}, 3, []string{host, "(DOCKER_HOST)", "fix: use TLS if the engine there wants it: DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"}},
		{"client certificate of another authority", withTLS(strangers.client(a)), 3, []string{"tls: ", "fix: use a cert.pem and key.pem that the engine accepts"}},
		{"engine of another authority", withTLS(a.client(strangers)), 3, []string{"unknown authority", "fix: use the ca.pem that signed the engine's certificate"}},
		{"wrong host name", append(withTLS(certs), "DOCKER_HOST="+strings.Replace(host, "localhost", "127.0.0.1", 1)), 3, []string{"127.0.0.1", "fix: use the host name that is in the engine's certificate"}},
		{"no certificates", withTLS(t.TempDir()), 2, []string{"ca.pem", "fix: put ca.pem, cert.pem and key.pem where the error looked for them, or unset DOCKER_HOST"}},
		{"nobody listens", []string{"DOCKER_HOST=tcp://localhost:1"}, 3, []string{"tcp://localhost:1", "connection refused", "fix: start the engine there"}},
		{"context without TLS", byContext("plain"), 3, []string{`context "plain" (DOCKER_CONTEXT)`, "fix: use TLS", "a context with certificates, or unset DOCKER_CONTEXT"}},
		{"context over ssh", byContext("shell"), 3, []string{"ssh://localhost:1", `context "shell" (DOCKER_CONTEXT)`, "fix: start the ssh server there"}},
		{"broken context", byContext("broken"), 2, []string{`context "broken" (DOCKER_CONTEXT)`, "meta.json", "fix: choose one of these contexts: default, plain, shell"}},
		{"no such context", byContext("nowhere"), 2, []string{`context "nowhere" (DOCKER_CONTEXT)`, "no such context", "fix: choose one of these contexts: default, plain, shell"}},
		{"broken configuration", []string{"DOCKER_HOST=", "DOCKER_CONFIG=" + torn}, 2, []string{"config.json", "fix: repair the file, or set DOCKER_HOST"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mage(t, dir, append(test.env, "IMAGE_OUTPUT=docker"), "image").wantError(t, test.code, test.want...)
		})
	}
}

// The targets use the service of podman, both directly and over ssh.
func TestHeavyPodman(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "podman")
	socket := filepath.Join(t.TempDir(), "podman.sock")
	service := exec.Command("podman", "system", "service", "--time=0", "unix://"+socket)
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = service.Process.Signal(os.Interrupt)
		_ = service.Wait()
	})
	testkit.WaitFor(t, "podman's service", func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	const name = "fromscratch-test-podman"
	dir := project(t, map[string]string{
		"main.go": `package main

func main() { println("in podman") }
`,
		"magefile.go": magefileWith(`Name: "` + name + `"`),
	})
	t.Cleanup(func() { exec.Command("podman", "rmi", "-f", name+":"+tag).Run() })
	mage(t, dir, []string{"DOCKER_HOST=unix://" + socket, "IMAGE_OUTPUT=docker"}, "image").wantOK(t)
	if out, err := exec.Command("podman", "image", "exists", "docker.io/library/"+name+":"+tag).CombinedOutput(); err != nil {
		t.Errorf("podman does not have the image: %v %s", err, out)
	}
	behind := newSSH(t, onlyPodman(t))
	if r := mage(t, dir, behind.env(socket), "image").wantOK(t); !strings.Contains(r.stderr, "is unchanged") && !strings.Contains(r.stderr, "loaded") {
		t.Error("the image is not loaded into podman over ssh")
	}
}

// onlyPodman returns a PATH with podman and without docker.
func onlyPodman(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"podman", "sh", "env"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
