package rootfs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// makeCert makes a certificate in PEM form, and its key.
func makeCert(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return cert, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

func TestCertificates(t *testing.T) {
	a, _ := makeCert(t, "a")
	b, _ := makeCert(t, "b")
	c, _ := makeCert(t, "c")
	dir := t.TempDir()
	bundle := write(t, dir, "bundle.pem", "# comment\n"+strings.TrimSuffix(a, "\n"), 0o600)
	write(t, dir, "b.pem", "subject: b\n"+b+"\nand more\n"+c, 0o600)
	other := write(t, t.TempDir(), "c.pem", c, 0o600)
	tests := []struct {
		name string
		c    Certificates
		want string
	}{
		{"unchanged bundle", Certificates{Bundle: bundle}, "# comment\n" + strings.TrimSuffix(a, "\n")},
		{"relative", Certificates{Bundle: "bundle.pem"}, "# comment\n" + strings.TrimSuffix(a, "\n")},
		{"with extra", Certificates{Bundle: bundle, Extra: []string{"b.pem", other}}, "# comment\n" + a + b + c + c},
		{"only extra", Certificates{Extra: []string{"b.pem"}, OnlyExtra: true}, b + c},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := assemble(t, Spec{Dir: dir, Certificates: tt.c})
			if got := text(t, tree, bundlePath); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
			if info, err := tree.Stat(inFS(bundleLink)); err != nil || info.Size() != int64(len(tt.want)) {
				t.Errorf("%s leads to %v, %v", bundleLink, info, err)
			}
			if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM([]byte(text(t, tree, bundlePath))) {
				t.Error("Go reads no certificate from it")
			}
		})
	}
	if _, ok := assemble(t, bareSpec()).Lookup("/etc/ssl"); ok {
		t.Error("the image has a certificate folder, want none")
	}
}

func TestCertificatesRefused(t *testing.T) {
	cert, key := makeCert(t, "a")
	dir := t.TempDir()
	good := write(t, dir, "good.pem", cert, 0o600)
	broken := strings.Replace(cert, "MII", "!!!", 1)
	wrong := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("none")}))
	tests := []struct {
		name    string
		content string // of the file; "" means no file
		bundle  bool
		says    []string
	}{
		{"no bundle", "", true, []string{"no such file", "fix: reinstall the package ca-certificates"}},
		{"bundle without certificate", "hello", true, []string{"none in PEM form", "fix: reinstall"}},
		{"bundle without a valid certificate", wrong, true, []string{"none in PEM form", "fix: reinstall"}},
		{"no extra", "", false, []string{"no such file", "fix: correct the path in Certificates"}},
		{"DER", "\x30\x82", false, []string{"none in PEM form", "fix: convert the file: openssl"}},
		{"a key", cert + key, false, []string{"block 2 is a PRIVATE KEY", "fix: put only certificates into the file"}},
		{"broken block", cert + broken, false, []string{"1 of 2 blocks are broken", "fix: export the certificates again"}},
		{"no certificate inside", cert + wrong, false, []string{"block 2: ", "fix: export the certificate again"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(dir, "x.pem")
			os.Remove(name)
			if tt.content != "" {
				write(t, dir, "x.pem", tt.content, 0o600)
			}
			c := Certificates{Bundle: good, Extra: []string{name}}
			if tt.bundle {
				c = Certificates{Bundle: name}
			}
			_, err := Assemble(context.Background(), Spec{Certificates: c})
			wantError(t, err, append(tt.says, `reading the certificates "`+name+`": `)...)
		})
	}
}

func TestFindBundle(t *testing.T) {
	dir := t.TempDir()
	second := write(t, dir, "second", "x", 0o600)
	if p, err := findBundle([]string{filepath.Join(dir, "first"), dir, second}); p != second || err != nil {
		t.Errorf("%q, %v", p, err)
	}
	_, err := findBundle([]string{filepath.Join(dir, "first")})
	wantError(t, err, filepath.Join(dir, "first"), "fix: install the package ca-certificates")
	if p, err := FindBundle(second); p != second || err != nil {
		t.Errorf("%q, %v", p, err)
	}
	_, err = FindBundle(filepath.Join(dir, "first"))
	wantError(t, err, "SSL_CERT_FILE", filepath.Join(dir, "first"), "fix: let SSL_CERT_FILE name a file")
}
