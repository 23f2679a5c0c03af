package registrytest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// ProgramOptions configure Debian's docker-registry. The zero value serves HTTP without a login.
type ProgramOptions struct {
	// Htpasswd are the logins, as "htpasswd -B" writes them. "" requires none.
	Htpasswd string
	// Cert and Key are PEM files for HTTPS.
	Cert, Key string
}

// StartProgram starts Debian's docker-registry and returns its address, as "127.0.0.1:34567". It is stopped when the test
// ends. If it is not installed, the test is skipped.
func StartProgram(t testing.TB, o ProgramOptions) (host string) {
	t.Helper()
	testkit.Need(t, "docker-registry")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := fmt.Sprintf(`version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}
http:
  addr: %s
  relativeurls: true
`, filepath.Join(dir, "data"), host)
	if o.Cert != "" {
		config += fmt.Sprintf("  tls: {certificate: %q, key: %q}\n", o.Cert, o.Key)
	}
	if o.Htpasswd != "" {
		file := filepath.Join(dir, "htpasswd")
		write(t, file, o.Htpasswd)
		config += fmt.Sprintf("auth: {htpasswd: {realm: test, path: %q}}\n", file)
	}
	path := filepath.Join(dir, "config.yml")
	write(t, path, config)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	said := func() string {
		text, _ := os.ReadFile(log.Name()) // without it, the failure is still reported
		return string(text[max(0, len(text)-2000):])
	}
	cmd := exec.Command("docker-registry", "serve", path)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var exit error
	go func() { exit = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		if t.Failed() {
			t.Logf("the registry's last output: %s", said())
		}
	})
	testkit.WaitFor(t, "the registry", func() bool {
		select {
		case <-ended:
			t.Fatalf("the registry has ended: %v\n%s", exit, said())
		default:
		}
		c, err := net.Dial("tcp", host)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, said)
	return host
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
