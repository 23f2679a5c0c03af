package recipe

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// Options configure a Workshop.
type Options struct {
	Root    string   // root of this repository
	Prefix  string   // start of the names of all images and containers; nothing else may use it
	GoImage string   // a golang image with the headers of SQLite
	Environ []string // environment of the commands
	// DockerConfig is a configuration folder for the docker command that contains buildx. Default: the user's own.
	DockerConfig string
	// Grace is how long a program may take to end after SIGTERM. Default: 2 s.
	Grace time.Duration
}

// Workshop is an environment to build images in: a folder, a company's golang image, and a server in its network.
type Workshop struct {
	Options
	dir    string // folder for everything that is made here
	bundle string // the machine's and the company's certificates
	server *httptest.Server
	golang bool // the golang image exists
}

// serverName is the name in httptest's certificate.
const serverName = "example.com"

// label is the label of everything made from the workshop's golang image: build stages and containers.
const label = "fromscratch-recipes"

// Open makes a workshop. It first removes what an earlier workshop with the same prefix has left. The caller closes it.
func Open(ctx context.Context, o Options) (*Workshop, error) {
	if o.Grace == 0 {
		o.Grace = 2 * time.Second
	}
	if o.DockerConfig != "" {
		o.Environ = append(o.Environ[:len(o.Environ):len(o.Environ)], "DOCKER_CONFIG="+o.DockerConfig)
	}
	dir, err := os.MkdirTemp("", o.Prefix)
	if err != nil {
		return nil, err
	}
	w := &Workshop{Options: o, dir: dir, bundle: filepath.Join(dir, "bundle.crt")}
	if err := errors.Join(w.clean(ctx), w.listen()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close removes everything that was made, also in the engine, even if the context has ended.
func (w *Workshop) Close() error {
	if w.server != nil {
		w.server.Close()
	}
	return errors.Join(w.clean(context.Background()), os.RemoveAll(w.dir))
}

// listen starts the company's server. It listens on all addresses, because the address of the host for containers
// depends on the engine's networks. Its certificate is added to the machine's own.
func (w *Workshop) listen() error {
	host, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		return fmt.Errorf("%w\nfix: install ca-certificates", err)
	}
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return err
	}
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(func(r http.ResponseWriter, _ *http.Request) { fmt.Fprint(r, "trusted") }))
	w.server.Listener.Close()
	w.server.Listener = l
	w.server.StartTLS()
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.server.Certificate().Raw})
	return os.WriteFile(w.bundle, append(host, own...), 0o644)
}

// url returns the server's address for containers.
func (w *Workshop) url() string {
	_, port, _ := strings.Cut(w.server.Listener.Addr().String(), "]:")
	return "https://" + serverName + ":" + port
}

// run runs a command in a folder.
func (w *Workshop) run(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	return measure.Output(measure.Command(ctx, dir, append(w.Environ[:len(w.Environ):len(w.Environ)], env...), args...))
}

// docker runs the docker command.
func (w *Workshop) docker(ctx context.Context, args ...string) (string, error) {
	return w.run(ctx, w.dir, nil, append([]string{"docker"}, args...)...)
}
