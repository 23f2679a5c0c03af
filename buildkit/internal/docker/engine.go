// Package docker talks to a Docker Engine. [Open] connects to the user's engine, which package host finds.
// [Engine.Image] and [Engine.Has] look at an image, [Engine.Pull], [Engine.Load] and [Engine.Save] move one, and
// [Engine.Run] runs one in the foreground. [Engine.StartDev] starts a development container, [Engine.StartBuilder] a
// container that compiles.
//
// An engine is any server with the Docker Engine API: dockerd with graph drivers or with the containerd image store,
// Docker Desktop, rootless Docker, podman's service. The API version is negotiated.
//
// Errors for the user end in a line "fix: …". A [host.UnreachableError] reports that no engine answers, a
// [host.ConfigError] that the user's settings name no usable engine, a [NoAnswerError] that an engine stopped answering.
//
// The API is described at https://docs.docker.com/reference/api/engine/.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Options say where to look for the engine and how long to wait for it. The zero value means the platform's default
// engine and the default waits.
type Options struct {
	host.Options
	// Waits bound how long requests wait for the engine.
	Waits Waits
}

// Engine is a client of an engine. Open returns it after the engine's first answer. Its methods may be used concurrently.
type Engine struct {
	api      *client.Client
	endpoint host.Endpoint
	config   configFolder  // where the docker command keeps its credentials
	waits    *patience     // ends requests that the engine does not answer
	giveUp   time.Duration // limit for the end of a killed program: cleanupTimeout, less in tests
	cleanup  time.Duration // limit for a request that outlives its caller's context: cleanupTimeout, less in tests

	mu       sync.Mutex // guards platform, which is set by the first answer
	platform *Platform
}

// Platform is the platform of an engine or an image. Only arm has a variant.
type Platform = platform.Platform

// Open finds the user's engine, connects and negotiates the API version.
//
// [host.Find] says which setting decides on the engine. If the engine doesn't answer within ten seconds (thirty over ssh),
// the error is a [*host.UnreachableError]. If a host or context can't be used, it is a [*host.ConfigError]. If ctx ends
// first, the error wraps its cause and is neither.
//
// For ssh:// hosts Open runs the ssh command, which inherits this process's environment (PATH, HOME, SSH_AUTH_SOCK). On
// the far side it runs the docker command, or podman's if docker is not installed. For tcp:// hosts Open uses this
// process's HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as the docker command does.
func Open(ctx context.Context, o Options) (*Engine, error) {
	ep, err := host.Find(o.Options)
	if err != nil {
		return nil, err
	}
	version, err := o.APIVersion()
	if err != nil {
		return nil, err
	}
	connectTo := connect
	if ep.SSH() {
		connectTo = connectSSH
	}
	e, err := connectTo(ctx, ep, version)
	if err == nil {
		e.config = configFolder(o.ConfigFolder())
		e.waits.set(o.Waits)
	}
	return e, err
}

// Local reports whether the engine is reached through a socket of this machine. The engine may still run in a virtual
// machine.
func (e *Engine) Local() bool { return e.endpoint.Local() }

// connect makes the client and waits for the engine's first answer.
func connect(ctx context.Context, ep host.Endpoint, version string) (*Engine, error) {
	dials := host.NewDialer(ep)
	api, waits, err := newClient(ep, version, dials)
	if err != nil {
		return nil, ep.Invalid(err)
	}
	e := &Engine{api: api, waits: waits, endpoint: ep, giveUp: cleanupTimeout, cleanup: cleanupTimeout}
	if err := e.greet(ctx, dials, version); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// connectSSH is connect for an ssh host. If the host lacks docker, it tries podman, which has the same command for carrying
// a connection.
func connectSSH(ctx context.Context, ep host.Endpoint, version string) (*Engine, error) {
	e, err := connect(ctx, ep, version)
	if !host.LacksCommand(err) {
		return e, err
	}
	e, podmanErr := connect(ctx, ep.Podman(), version)
	if host.LacksCommand(podmanErr) {
		return nil, err
	}
	return e, podmanErr
}

// newClient makes a client that connects through dials.
func newClient(ep host.Endpoint, version string, dials *host.Dialer) (*client.Client, *patience, error) {
	transport := &http.Transport{
		TLSClientConfig:     ep.TLS,
		TLSHandshakeTimeout: host.DialTimeout,
		MaxIdleConns:        6, // as in the client's own transport
		MaxIdleConnsPerHost: 6, // there is one host, and a new ssh connection is slow
		IdleConnTimeout:     30 * time.Second,
		WriteBufferSize:     64 << 10, // images are sent in chunks of this size; the default is 4 kB
	}
	requests := &http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}
	api, err := client.NewClientWithOpts(
		client.WithHTTPClient(requests),
		client.WithHost(ep.Address()),
		client.WithUserAgent("fromscratch"),
		client.WithVersion(version), // "" pins nothing
		client.WithAPIVersionNegotiation(),
	)
	if err != nil {
		return nil, nil, err
	}
	// The options above need the transport itself. From here on the client accepts any round tripper.
	waits := newPatience(requests.Transport)
	requests.Transport = waits
	// WithHost has set a dialer with another time-out, and a proxy. ssh needs no proxy.
	dials.Pipe, transport.DialContext = transport.DialContext, notingHijack(dials.Dial)
	if ep.SSH() {
		transport.Proxy = nil
	}
	return api, waits, nil
}

// greet pings the engine and adopts its API version. It uses ping because /version and /info run runc on every call.
func (e *Engine) greet(ctx context.Context, dials *host.Dialer, version string) error {
	limited, cancel := context.WithTimeout(ctx, e.endpoint.Timeout)
	defer cancel()
	ping, err := e.api.Ping(limited)
	switch {
	case err != nil && ctx.Err() != nil: // the caller gave up, the engine did not fail
		return fmt.Errorf("connecting to the Docker Engine at %q: %w", e.endpoint.Host, context.Cause(ctx))
	case err != nil && limited.Err() != nil:
		return e.endpoint.Unreachable(fmt.Errorf("no answer within %v: %w", e.endpoint.Timeout, limited.Err()))
	case err != nil:
		return e.endpoint.Unreachable(dials.Cause(err))
	case ping.APIVersion == "":
		return e.endpoint.Unreachable(errNoEngine)
	case version != "" && versions.GreaterThan(version, ping.APIVersion):
		return &host.ConfigError{
			Origin: "DOCKER_API_VERSION",
			Err:    fmt.Errorf("the engine at %q speaks API %s at most, not %s", e.endpoint.Host, ping.APIVersion, version),
			Fix:    "unset DOCKER_API_VERSION: the version is negotiated",
		}
	}
	e.api.NegotiateAPIVersionPing(ping)
	return nil
}

// Close closes the idle connections, and the ssh commands behind them.
func (e *Engine) Close() error { return e.api.Close() }

// Host returns the engine's address as configured ("unix:///var/run/docker.sock").
func (e *Engine) Host() string { return e.endpoint.Host }

// Origin names the setting that chose Host (`DOCKER_HOST`, `context "remote" (DOCKER_CONTEXT)`, `platform default`).
func (e *Engine) Origin() string { return e.endpoint.Origin }

// APIVersion returns the negotiated version ("1.41").
func (e *Engine) APIVersion() string { return e.api.ClientVersion() }

// Platform returns the engine's own platform ("linux", "amd64", ""). It asks the engine once. Only arm has a variant, which
// decides what runs ("v6", "v7"); arm64 always means v8.
func (e *Engine) Platform(ctx context.Context) (Platform, error) {
	p, err := e.platformOnce(ctx)
	return p, e.Failed("asking for the platform", err)
}

// platformOnce is Platform with the client's own error.
func (e *Engine) platformOnce(ctx context.Context) (Platform, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.platform == nil {
		p, err := e.askPlatform(ctx)
		if err != nil {
			return Platform{}, err
		}
		e.platform = &p
	}
	return *e.platform, nil
}

// platformWord matches one part of a platform.
var platformWord = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// checkPlatform refuses a malformed platform: its parts become parts of file names and messages.
func checkPlatform(p Platform) error {
	if platformWord.MatchString(p.OS) && platformWord.MatchString(p.Architecture) && (p.Variant == "" || platformWord.MatchString(p.Variant)) {
		return nil
	}
	return fmt.Errorf("the engine says %q, which is no platform", p.String())
}

func (e *Engine) askPlatform(ctx context.Context) (Platform, error) {
	v, err := e.api.ServerVersion(ctx)
	if err != nil {
		return Platform{}, err
	}
	p := Platform{OS: v.Os, Architecture: v.Arch}
	if err := checkPlatform(p); err != nil || p.Architecture != "arm" {
		return p, err
	}
	// /version has no variant. The machine's name (uname -m) in /info has one. A 32-bit engine on arm64 says aarch64.
	info, err := e.api.Info(ctx)
	if err != nil {
		return Platform{}, err
	}
	p.Variant = "v7"
	if info.Architecture == "armv6l" {
		p.Variant = "v6"
	}
	return p, nil
}

// KeepsCompressed reports whether the engine may list layers that it has only in compressed form, as they were pulled,
// without saying so. The containerd image store does, before API 1.48.
func (e *Engine) KeepsCompressed() bool { return e.speaks("1.42") && !e.speaks("1.48") }

// speaks reports whether the negotiated API version is the given one or newer.
func (e *Engine) speaks(version string) bool {
	return versions.GreaterThanOrEqualTo(e.api.ClientVersion(), version)
}
