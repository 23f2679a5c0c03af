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

// Options are what a Workshop needs to know.
type Options struct {
	Root    string   // folder of this repository
	Prefix  string   // begins the names of all images and containers: nobody else's
	GoImage string   // what a golang image has, with the headers of SQLite
	Environ []string // of the commands that are run
	// DockerConfig is a configuration folder of the docker command that has buildx. Default: the user's own.
	DockerConfig string
	// Grace is how long a program may take to end after SIGTERM. Default: 2 s.
	Grace time.Duration
}

// Workshop is where images are built: a folder, a golang image of the company, and
// a server in its network.
type Workshop struct {
	Options
	dir    string // of all that is made here
	bundle string // the machine's certificates, with the company's
	server *httptest.Server
	golang bool // the golang image is made
}

// serverName is the name that httptest's certificate is made out to.
const serverName = "example.com"

// label is on all that is made out of our golang image: the stages of builds, and
// containers of it.
const label = "fromscratch-recipes"

// Open makes a workshop, and removes what one with the same prefix has left that
// could not be closed. The caller closes it.
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

// Close removes all that was made, in the engine too, and whether or not a context
// has ended.
func (w *Workshop) Close() error {
	if w.server != nil {
		w.server.Close()
	}
	return errors.Join(w.clean(context.Background()), os.RemoveAll(w.dir))
}

// listen starts the company's server: on all addresses, for containers reach the
// host by one that depends on the engine's networks. Its certificate is added to
// the machine's own.
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

// url is the server's as containers see it.
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
