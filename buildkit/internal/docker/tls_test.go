package docker

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// pemFile returns a file for a certificate folder.
func pemFile(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// newCertificate returns a self-signed certificate and its key.
func newCertificate(t *testing.T) (cert, key string, parsed *x509.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fromscratch-test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pemFile("CERTIFICATE", der), pemFile("EC PRIVATE KEY", keyDER), parsed
}

// The engine requires client certificates. The environment or a context names it.
func TestOpenTLS(t *testing.T) {
	t.Parallel()
	cert, key, parsed := newCertificate(t)
	strange, strangeKey, _ := newCertificate(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(answering))
	server.Config.ErrorLog = quiet()
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	server.TLS.ClientCAs.AddCert(parsed)
	server.StartTLS()
	defer server.Close()
	plain := httptest.NewServer(http.HandlerFunc(answering))
	defer plain.Close()
	ca := pemFile("CERTIFICATE", server.Certificate().Raw)
	address := dockertest.TCPHost(server)

	good := map[string]string{"ca.pem": ca, "cert.pem": cert, "key.pem": key}
	context_ := func(certs map[string]string, skip bool) map[string]string {
		content := map[string]string{dockertest.MetaFile("tls"): `{"Name":"tls","Endpoints":{"docker":{"Host":"` + address + `","SkipTLSVerify":` + strconv.FormatBool(skip) + `}}}`}
		for name, text := range certs {
			content[dockertest.TLSFile("tls", name)] = text
		}
		return content
	}
	cases := []struct {
		name  string
		files map[string]string // of the docker command's folder
		env   []string
		err   string // "" for success
		fix   string
	}{
		{name: "verified", files: good, env: []string{"DOCKER_HOST=" + address, "DOCKER_TLS_VERIFY=1"}},
		{name: "not verified", files: map[string]string{"ca.pem": strange, "cert.pem": cert, "key.pem": key}, env: []string{"DOCKER_HOST=" + address, "DOCKER_TLS=1"}},
		{name: "context", files: context_(good, false), env: []string{"DOCKER_CONTEXT=tls"}},
		{name: "context, not verified", files: context_(map[string]string{"cert.pem": cert, "key.pem": key}, true), env: []string{"DOCKER_CONTEXT=tls"}},
		{name: "wrong ca.pem", files: map[string]string{"ca.pem": strange, "cert.pem": cert, "key.pem": key},
			env: []string{"DOCKER_HOST=" + address, "DOCKER_TLS_VERIFY=1"}, err: "unknown authority", fix: "use the ca.pem that signed"},
		{name: "no client certificate", files: map[string]string{"ca.pem": ca}, env: []string{"DOCKER_HOST=" + address, "DOCKER_TLS_VERIFY=1"},
			err: "certificate required", fix: "use a cert.pem and key.pem that the engine accepts"},
		{name: "wrong client certificate", files: map[string]string{"ca.pem": ca, "cert.pem": strange, "key.pem": strangeKey},
			env: []string{"DOCKER_HOST=" + address, "DOCKER_TLS_VERIFY=1"}, err: "tls: ", fix: "use a cert.pem and key.pem that the engine accepts"},
		{name: "other name", files: good, env: []string{"DOCKER_HOST=" + strings.Replace(address, "127.0.0.1", "localhost", 1), "DOCKER_TLS_VERIFY=1"},
			err: "localhost", fix: "use the host name that is in the engine's certificate"},
		{name: "engine without TLS", files: good, env: []string{"DOCKER_HOST=" + dockertest.TCPHost(plain), "DOCKER_TLS_VERIFY=1"},
			err: "HTTP response to HTTPS client", fix: "do not use TLS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e, err := Open(context.Background(), Options{Options: host.Options{Getenv: dockertest.Environment(c.env...), ConfigDir: dockertest.Files(t, c.files)}})
			if c.err == "" {
				if err != nil || e.APIVersion() != "1.44" {
					t.Fatal(err)
				}
				e.Close()
				return
			}
			var unreachable *host.UnreachableError
			if !errors.As(err, &unreachable) {
				t.Fatalf("%T %v", err, err)
			}
			dockertest.WantError(t, err, c.err, c.fix)
		})
	}
}

// Run needs connections of its own. With TLS the client dials them in another way.
func TestRunTLS(t *testing.T) {
	t.Parallel()
	local := openEngine(t)
	proxy := forwarder(t, local)
	server := httptest.NewTLSServer(proxy)
	defer server.Close()
	dir := dockertest.Files(t, map[string]string{"ca.pem": pemFile("CERTIFICATE", server.Certificate().Raw)})
	e, err := Open(context.Background(), Options{Options: host.Options{Getenv: dockertest.Environment("DOCKER_HOST="+dockertest.TCPHost(server), "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH="+dir)}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var stdout bytes.Buffer
	req := newRun(t, local, (&testImage{}).build(t).load(t, local), "output")
	req.Stdout = &stdout
	if code, err := e.Run(context.Background(), req); code != 0 || err != nil || stdout.String() != "one to stdout\ntwo to stdout\n" {
		t.Errorf("code %d, stdout %q, %v", code, stdout.String(), err)
	}
}
