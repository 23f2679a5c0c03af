// Package docker speaks to a Docker Engine: [Open] finds one the way the docker command does, [Engine.Has] asks
// whether an image is there, [Engine.Load] sends one, [Engine.Run] runs one in the foreground.
//
// "Engine" is whatever answers the Docker Engine API: dockerd with its graph drivers or with the containerd image
// store, Docker Desktop, rootless Docker, podman's service. The API version is negotiated, never pinned.
//
// Errors that are for a person end in a line "fix: …". [host.UnreachableError] means that no engine answers, and says
// whether one was chosen or there at all; [host.ConfigError] means that what the user configured makes no sense.
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

	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Options say where the engine is looked for, and how long it is waited for.
type Options struct {
	host.Options
	// Waits bound how long requests wait for the engine.
	Waits Waits
}

// Engine is a connection to an engine that has answered. Its methods may be used concurrently.
type Engine struct {
	api      *client.Client
	endpoint host.Endpoint
	config   configFolder  // where the docker command has its credentials
	waits    *patience     // ends requests that the engine does not answer
	giveUp   time.Duration // how long a killed program may take to end: cleanupTimeout, less in tests
	cleanup  time.Duration // how long a request may take that outlives its caller: cleanupTimeout, less in tests

	mu       sync.Mutex // guards platform, which is asked for once
	platform *Platform
}

// Platform is what an engine or an image runs on. The variant is empty but for arm.
type Platform = platform.Platform

// Open finds the user's engine, connects and negotiates the API version.
//
// What decides which engine it is: see [host.Find]. An engine that does not answer is an [*host.UnreachableError], after at most ten seconds (thirty over ssh); a host or
// context that cannot be used is a [*host.ConfigError]. When ctx ends first, the error wraps its cause and is neither.
//
// ssh:// hosts run the ssh command, which inherits this process's environment (PATH, HOME, SSH_AUTH_SOCK), and there the
// docker command, or podman's where docker is not installed. tcp:// hosts
// are reached through this process's HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as the docker command does.
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

// Local reports whether the engine is reached through a socket of this machine. It may still run in a virtual machine.
func (e *Engine) Local() bool { return e.endpoint.Local() }

// connect makes the client and lets the engine answer once.
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

// connectSSH is connect where the host may have podman and no docker: both have the command that carries a connection.
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

// newClient makes a client whose connections come from dials.
func newClient(ep host.Endpoint, version string, dials *host.Dialer) (*client.Client, *patience, error) {
	transport := &http.Transport{
		TLSClientConfig:     ep.TLS,
		TLSHandshakeTimeout: host.DialTimeout,
		MaxIdleConns:        6, // as the client's own transport
		MaxIdleConnsPerHost: 6, // there is one host; an ssh connection is dear to make
		IdleConnTimeout:     30 * time.Second,
		WriteBufferSize:     64 << 10, // images are sent in pieces of this size, not of 4 kB
	}
	requests := &http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}
	api, err := client.NewClientWithOpts(
		client.WithHTTPClient(requests),
		client.WithHost(ep.Address()),
		client.WithUserAgent("fromscratch"),
		client.WithVersion(version), // nothing is pinned by ""
		client.WithAPIVersionNegotiation(),
	)
	if err != nil {
		return nil, nil, err
	}
	// The options above want to see the transport itself; the client looks at it no more.
	waits := newPatience(requests.Transport)
	requests.Transport = waits
	// WithHost has set a dialer with another time-out and a proxy: the dialer is ours, and ssh needs no proxy.
	dials.Pipe, transport.DialContext = transport.DialContext, notingHijack(dials.Dial)
	if ep.SSH() {
		transport.Proxy = nil
	}
	return api, waits, nil
}

// greet pings the engine and takes its API version over. Ping, because /version and /info run runc on every call.
func (e *Engine) greet(ctx context.Context, dials *host.Dialer, version string) error {
	limited, cancel := context.WithTimeout(ctx, e.endpoint.Timeout)
	defer cancel()
	ping, err := e.api.Ping(limited)
	switch {
	case err != nil && ctx.Err() != nil: // the caller's end, not the engine's
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

// Close closes the idle connections, and with them the ssh commands behind.
func (e *Engine) Close() error { return e.api.Close() }

// Host is the engine's address as configured ("unix:///var/run/docker.sock").
func (e *Engine) Host() string { return e.endpoint.Host }

// Origin says for people where Host came from (`DOCKER_HOST`, `context "remote" (DOCKER_CONTEXT)`, `platform default`).
func (e *Engine) Origin() string { return e.endpoint.Origin }

// APIVersion is the negotiated version ("1.41").
func (e *Engine) APIVersion() string { return e.api.ClientVersion() }

// Platform is what the engine itself runs on, asked once ("linux", "amd64", ""). The variant is known for arm only,
// where it decides what runs ("v6", "v7"); other machines leave it empty, as arm64 means v8.
func (e *Engine) Platform(ctx context.Context) (Platform, error) {
	p, err := e.platformOnce(ctx)
	return p, e.Failed("asking for the platform", err)
}

// platformOnce is Platform with the client's error as it is.
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

// platformWord is a word of a platform.
var platformWord = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// checkPlatform refuses what cannot be a platform: its words get into names of files and texts.
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
	// The version has no variant; the machine's name (uname -m) has. A 32-bit engine on arm64 says aarch64.
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

// KeepsCompressed reports whether the engine may list layers of an image that it has only as they were pulled,
// compressed, and does not say so: the containerd image store, before it tells what is available (API 1.48).
func (e *Engine) KeepsCompressed() bool { return e.speaks("1.42") && !e.speaks("1.48") }

// speaks reports whether the negotiated API has what came with the given version.
func (e *Engine) speaks(version string) bool {
	return versions.GreaterThanOrEqualTo(e.api.ClientVersion(), version)
}
