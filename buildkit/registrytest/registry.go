// Package registrytest runs an in-memory registry for the tests of this module. It can answer any step of a pull or a push with a fault.
package registrytest

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
)

// Step is a kind of request.
type Step string

// The steps, in the order of a push and then of a pull.
const (
	Ping         Step = "ping"          // GET /v2/
	Token        Step = "token"         // of the token server, at /token
	HeadBlob     Step = "head blob"     // is a blob there?
	StartUpload  Step = "start upload"  // POST; also the mount of another repository's blob
	PutBlob      Step = "put blob"      // the bytes
	HeadManifest Step = "head manifest" // which manifest does a tag have?
	PutManifest  Step = "put manifest"  // by digest or tag
	GetManifest  Step = "get manifest"
	GetBlob      Step = "get blob"
	Referrers    Step = "referrers"
	Other        Step = "other"
)

// Steps are all steps.
var Steps = []Step{Ping, Token, HeadBlob, StartUpload, PutBlob, HeadManifest, PutManifest, GetManifest, GetBlob, Referrers, Other}

// Fault answers a request instead of the registry if it returns true.
type Fault func(w http.ResponseWriter, r *http.Request) bool

// Request is a request that the registry received.
type Request struct {
	Step                        Step
	Method, Path, Authorization string
	// Form is the body of a request to the token server.
	Form string
}

// Options configure a registry. The zero value serves HTTP on 127.0.0.1 without a login.
type Options struct {
	// TLS serves HTTPS with a certificate signed by the one in CAFile.
	TLS bool
	// User and Password are the required login. "" requires none.
	User, Password string
	// Realm is the token server that clients without a token are sent to. "" uses basic authentication instead, "self"
	// is the registry's own token server.
	Realm string
	// Address is where to listen, "10.0.0.1:0". Default: any port of 127.0.0.1.
	Address string
}

// Registry is a registry that runs until the test ends.
type Registry struct {
	// Host is the address, "127.0.0.1:34567". URL is the scheme and Host.
	Host, URL string
	// CAFile is the file of the certificate that signs the registry's own; "" without TLS.
	CAFile string

	options Options
	mu      sync.Mutex
	blobs   map[digest.Digest][]byte
	names   map[string]content // manifests by repository and tag or digest: "acme/hello 1"
	faults  map[Step]Fault
	seen    []Request
	uploads int
}

type content struct {
	mediaType string
	bytes     []byte
}

// token is the token that the token server returns.
const token = "a-token-of-the-test"

// Start starts a registry.
func Start(t testing.TB, o Options) *Registry {
	t.Helper()
	r := &Registry{options: o, blobs: map[digest.Digest][]byte{}, names: map[string]content{}, faults: map[Step]Fault{}}
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if o.Address != "" {
		l, err := net.Listen("tcp", o.Address)
		if err != nil {
			t.Fatal(err)
		}
		server.Listener.Close()
		server.Listener = l
	}
	if o.TLS {
		server.StartTLS()
		r.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		if err := os.WriteFile(r.CAFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	} else {
		server.Start()
	}
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	r.URL = server.URL
	_, r.Host, _ = strings.Cut(server.URL, "://")
	return r
}

// Break makes a fault answer a step from now on. A nil fault ends that.
func (r *Registry) Break(s Step, f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[s] = f
}

// Requests returns the received requests, in order.
func (r *Registry) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.seen...)
}

// Forget clears the list of received requests.
func (r *Registry) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = nil
}

// AddBlob adds a blob to every repository and returns its digest.
func (r *Registry) AddBlob(b []byte) digest.Digest {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := digest.FromBytes(b)
	r.blobs[d] = b
	return d
}

// AddManifest adds a manifest to a repository, under its digest and a tag.
func (r *Registry) AddManifest(repository, tag, mediaType string, b []byte) digest.Digest {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := digest.FromBytes(b)
	for _, name := range []string{tag, d.String()} {
		r.names[repository+" "+name] = content{mediaType, b}
	}
	return d
}

// StepOf returns the step of a request.
func StepOf(req *http.Request) Step {
	p := req.URL.Path
	reads := map[string][2]Step{http.MethodHead: {HeadManifest, HeadBlob}, http.MethodGet: {GetManifest, GetBlob}}
	switch {
	case p == "/token":
		return Token
	case p == "/v2/":
		return Ping
	case strings.Contains(p, "/referrers/"):
		return Referrers
	case strings.Contains(p, "/blobs/uploads/") && req.Method == http.MethodPost:
		return StartUpload
	case strings.Contains(p, "/blobs/uploads/") && req.Method == http.MethodPut:
		return PutBlob
	case strings.Contains(p, "/manifests/") && req.Method == http.MethodPut:
		return PutManifest
	case strings.Contains(p, "/manifests/") && reads[req.Method][0] != "":
		return reads[req.Method][0]
	case strings.Contains(p, "/blobs/") && reads[req.Method][1] != "":
		return reads[req.Method][1]
	}
	return Other
}

// ServeHTTP implements [http.Handler].
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	step := StepOf(req)
	seen := Request{Step: step, Method: req.Method, Path: req.URL.Path, Authorization: req.Header.Get("Authorization")}
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		body, _ := io.ReadAll(io.LimitReader(req.Body, 1<<16))
		seen.Form, req.Body = string(body), io.NopCloser(bytes.NewReader(body))
	}
	r.mu.Lock()
	r.seen = append(r.seen, seen)
	fault := r.faults[step]
	r.mu.Unlock()
	if fault != nil && fault(w, req) {
		return
	}
	if step == Token {
		r.token(w, req)
		return
	}
	if !r.allowed(req) {
		w.Header().Set("Www-Authenticate", r.challenge())
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.serve(w, req, step)
}

// challenge returns the Www-Authenticate header for requests without a login.
func (r *Registry) challenge() string {
	switch r.options.Realm {
	case "":
		return `Basic realm="test"`
	case "self":
		return fmt.Sprintf(`Bearer realm="%s/token",service="test"`, r.URL)
	}
	return fmt.Sprintf(`Bearer realm=%q,service="test"`, r.options.Realm)
}

func (r *Registry) allowed(req *http.Request) bool {
	if r.options.User == "" {
		return true
	}
	if r.options.Realm != "" {
		return req.Header.Get("Authorization") == "Bearer "+token
	}
	user, password, _ := req.BasicAuth()
	return user == r.options.User && password == r.options.Password
}

// token answers requests to the token server.
func (r *Registry) token(w http.ResponseWriter, req *http.Request) {
	if user, password, _ := req.BasicAuth(); r.options.User != "" && (user != r.options.User || password != r.options.Password) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, `{"token":%q,"access_token":%q}`, token, token)
}

// serve answers requests to the registry.
func (r *Registry) serve(w http.ResponseWriter, req *http.Request, step Step) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := strings.TrimPrefix(req.URL.Path, "/v2/")
	switch step {
	case Ping:
	case StartUpload:
		r.uploads++
		w.Header().Set("Location", fmt.Sprintf("%s%d", req.URL.Path, r.uploads))
		w.WriteHeader(http.StatusAccepted)
	case PutBlob:
		d := digest.Digest(req.URL.Query().Get("digest"))
		if digest.FromBytes(body) != d {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.blobs[d] = body
		w.WriteHeader(http.StatusCreated)
	case PutManifest:
		repository, name, _ := strings.Cut(p, "/manifests/")
		if !r.complete(body) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}`)
			return
		}
		c := content{req.Header.Get("Content-Type"), body}
		d := digest.FromBytes(body)
		r.names[repository+" "+name], r.names[repository+" "+d.String()] = c, c
		w.Header().Set("Docker-Content-Digest", d.String())
		w.WriteHeader(http.StatusCreated)
	case HeadManifest, GetManifest:
		repository, name, _ := strings.Cut(p, "/manifests/")
		c, ok := r.names[repository+" "+name]
		give(w, req, c, ok)
	case HeadBlob, GetBlob:
		_, name, _ := strings.Cut(p, "/blobs/")
		b, ok := r.blobs[digest.Digest(name)]
		give(w, req, content{"application/octet-stream", b}, ok)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// complete reports whether all blobs of a manifest are there.
func (r *Registry) complete(manifest []byte) bool {
	type descriptor struct{ Digest digest.Digest }
	var m struct {
		Config *descriptor
		Layers []descriptor
	}
	if json.Unmarshal(manifest, &m) != nil {
		return false
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, d := range m.Layers {
		if _, ok := r.blobs[d.Digest]; !ok {
			return false
		}
	}
	return true
}

// give answers with a manifest or a blob.
func give(w http.ResponseWriter, req *http.Request, c content, ok bool) {
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", c.mediaType)
	w.Header().Set("Docker-Content-Digest", digest.FromBytes(c.bytes).String())
	w.Header().Set("Content-Length", fmt.Sprint(len(c.bytes)))
	if req.Method == http.MethodGet {
		_, _ = w.Write(c.bytes)
	}
}
