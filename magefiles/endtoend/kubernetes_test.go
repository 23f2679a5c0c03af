package endtoend_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// cluster is a Kubernetes without nodes: an API server and its database, as they are released.
type cluster struct {
	bin    string // the folder of kubectl
	config string // for it
}

// newCluster compiles the programs, which takes minutes the first time, and starts them. They are ended when the test ends.
func newCluster(t *testing.T) cluster {
	t.Helper()
	sources, err := os.ReadFile("testdata/cluster.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := testkit.Txtar(t, string(sources))
	bin := filepath.Join(dir, "bin") + string(filepath.Separator)
	build := command(t, dir, []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"}, "go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", bin, "./kubectl", "./apiserver", "./etcd")
	runCommand(t, build).wantOK(t)

	etcd, peer, api := freeAddress(t), freeAddress(t), freeAddress(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{bin, filepath.Join(dir, "kubeconfig")}
	for name, text := range map[string]string{
		"key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"tokens":  "fromscratch-test,admin,1,system:masters\n",
		"kubeconfig": fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "test",
"clusters": [{"name": "test", "cluster": {"server": "https://%s", "insecure-skip-tls-verify": true}}],
"users": [{"name": "test", "user": {"token": "fromscratch-test"}}],
"contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}`, api),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	background(t, exec.Command(bin+"etcd", "--data-dir="+filepath.Join(dir, "data"), "--log-level=error", "--listen-client-urls=http://"+etcd, "--advertise-client-urls=http://"+etcd,
		"--listen-peer-urls=http://"+peer, "--initial-advertise-peer-urls=http://"+peer, "--initial-cluster=default=http://"+peer))
	host, port, err := net.SplitHostPort(api)
	if err != nil {
		t.Fatal(err)
	}
	background(t, exec.Command(bin+"apiserver", "--etcd-servers=http://"+etcd, "--bind-address="+host, "--secure-port="+port, "--cert-dir="+filepath.Join(dir, "certificates"),
		"--token-auth-file="+filepath.Join(dir, "tokens"), "--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://fromscratch.test",
		"--service-account-key-file="+filepath.Join(dir, "key.pem"), "--service-account-signing-key-file="+filepath.Join(dir, "key.pem"), "--disable-admission-plugins=ServiceAccount"))
	testkit.WaitFor(t, "the API server and its namespace default", func() bool {
		return c.command(t, "get", "namespace", "default").Run() == nil
	})
	return c
}

// command returns a command of kubectl.
func (c cluster) command(t *testing.T, args ...string) *exec.Cmd {
	return command(t, c.bin, []string{"KUBECONFIG=" + c.config}, c.bin+"kubectl", args...)
}

// get returns what kubectl prints of something, as a JSONPath.
func (c cluster) get(t *testing.T, what, path string) string {
	t.Helper()
	return runCommand(t, c.command(t, "get", what, "--output=jsonpath="+path)).wantOK(t).stdout
}

// freeAddress returns an address of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// background starts a program, and kills it when the test ends. If the test fails, it shows the end of what the program said.
func background(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if text, err := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%s (%v): %s", cmd.Path, err, text[max(0, len(text)-4000):])
		}
		log.Close()
	})
}

// The real kubectl brings what imageApply gives it to a real API server: YAML and JSON together, with the references that the registry has.
func TestHeavyKubernetes(t *testing.T) {
	t.Parallel()
	testkit.Slow(t, "Kubernetes")
	testkit.Need(t, "skopeo", "diff")
	c := newCluster(t)
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	dir := manifestProject(t, host)
	const deployment = `# The program web.
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: &labels {app: web}}
spec:
  selector: {matchLabels: *labels}
  template:
    metadata: {labels: *labels}
    spec:
      containers:
        - name: web
          image: fromscratch://web # by name
          env: [{name: SIDE, value: "ko://example.com/files/cmd/web"}]
`
	for name, text := range map[string]string{"k8s/0.json": `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fromscratch-test"}}`, "k8s/web.yml": deployment} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"DOCKER_HOST=unix:///nowhere/docker.sock", ownCache(t), "KUBECONFIG=" + c.config, "PATH=" + c.bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	apply := []string{"imageApply", "--", "-f", "k8s", "--", "--validate=strict"}

	r := mage(t, dir, env, apply...).wantOK(t)
	if want := "namespace/fromscratch-test created\nconfigmap/a created\nconfigmap/b created\ndeployment.apps/web created\n"; r.stdout != want {
		t.Errorf("stdout is %q, want %q", r.stdout, want)
	}
	web := host + "/acme/web:" + tag + "@" + digestIn(t, host+"/acme/web:"+tag)
	for _, got := range []string{
		c.get(t, "deployment/web", "{.spec.template.spec.containers[0].image}"), c.get(t, "deployment/web", "{.spec.template.spec.containers[0].env[0].value}"),
		c.get(t, "configmap/a", "{.data.image}"), c.get(t, "configmap/a", "{.metadata.annotations.web}"), c.get(t, "configmap/b", "{.data.image}"),
	} {
		if got != web {
			t.Errorf("the cluster has %q, want %q", got, web)
		}
	}
	// Nothing has changed.
	if r := mage(t, dir, env, apply...).wantOK(t); strings.Count(r.stdout, " unchanged\n") != 4 {
		t.Errorf("stdout is %q, want nothing changed", r.stdout)
	}
	// kubectl reads what imageResolve prints.
	resolved := mage(t, dir, env, "imageResolve", "--", "-f", "k8s", "-f", "k8s/0.json").wantOK(t)
	diff := c.command(t, "diff", "-f", "-")
	diff.Stdin = strings.NewReader(resolved.stdout)
	runCommand(t, diff).wantOK(t)
	// Its errors and exit codes are the target's.
	r = mage(t, dir, env, append(apply, "--namespace=fromscratch-test-none")...)
	r.wantError(t, 1, `namespaces "fromscratch-test-none" not found`)
	if strings.Contains(r.stderr, "Error: ") {
		t.Error("mage reports an error of its own")
	}
}
