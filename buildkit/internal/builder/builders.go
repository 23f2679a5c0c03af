package builder

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Builders has the containers that compile programs of Configs with a Builder. Each is started on demand, and used for
// everything that the run compiles in its image. Its creator must close it.
type Builders struct {
	// Engine returns the engine that compiles for a platform; Builders does not close it. Its error becomes a
	// [*report.EngineError]. Required.
	Engine func(ctx context.Context, p platform.Platform) (*docker.Engine, error)
	// At opens an engine that Config.Builders names; Builders does not close it. Required if a Config names one.
	At func(ctx context.Context, address string) (*docker.Engine, error)
	// Cache is a folder for files that were read from builder images. It is safe to remove. Required.
	Cache string
	// Copy copies the sources into the containers even if they could be mounted.
	Copy bool
	// Prefix starts the names of containers and volumes. Default: "fromscratch".
	Prefix string
	// Anew compiles everything, also what an earlier run has compiled.
	Anew bool

	mu    sync.Mutex
	found map[builderKey]docker.Image // the image of each name, fixed for the run
	all   map[string]*Builder         // by engine and image
}

// builderKey is an image name on an engine.
type builderKey struct{ host, ref string }

// Image returns the image of a Config's Builder, and its engine. found is false if the engine does not have the image; Image
// does not pull it.
func (b *Builders) Image(ctx context.Context, c config.Config, p platform.Platform) (engine *docker.Engine, img docker.Image, found bool, err error) {
	if engine, err = b.engine(ctx, c, p); err != nil {
		return nil, img, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key := builderKey{engine.Host(), c.Build.Container}
	if img, found = b.found[key]; found {
		return engine, img, true, nil
	}
	if img, found, err = engine.Image(ctx, c.Build.Container); err != nil {
		return nil, img, false, &report.EngineError{Err: err}
	}
	if found {
		b.pin(key, img)
	}
	return engine, img, found, nil
}

// pin fixes the image of a name for the run: a tag may move meanwhile.
func (b *Builders) pin(key builderKey, img docker.Image) {
	if b.found == nil {
		b.found = map[builderKey]docker.Image{}
	}
	b.found[key] = img
}

func (b *Builders) engine(ctx context.Context, c config.Config, p platform.Platform) (*docker.Engine, error) {
	if b == nil || b.Engine == nil {
		return nil, &report.EngineError{Err: fmt.Errorf("compiling in the Build.Container %q (%s): there is no Docker Engine for it\nfix: start Docker, or leave Build.Container out", c.Build.Container, c.Origin)}
	}
	address, err := builderAddress(c, p)
	if err != nil {
		return nil, &report.ConfigError{Err: err}
	}
	if address != "" && b.At != nil {
		engine, err := b.At(ctx, address)
		if err != nil {
			return nil, engineError(fmt.Errorf("compiling for %s on the engine %q of Build.Engines (%s): %w", p, address, c.Origin, err))
		}
		return engine, nil
	}
	engine, err := b.Engine(ctx, p)
	if err != nil {
		return nil, engineError(fmt.Errorf("compiling in the Build.Container %q (%s) needs a Docker Engine: %w", c.Build.Container, c.Origin, err))
	}
	return engine, nil
}

// engineError classifies err: a ConfigError for an impossible address, an EngineError otherwise.
func engineError(err error) error {
	var config *host.ConfigError
	if errors.As(err, &config) {
		return &report.ConfigError{Err: err}
	}
	return &report.EngineError{Err: err}
}

// Request is the build that needs a builder.
type Request struct {
	Dir     string   // the folder where the build was started
	Root    string   // the folder of the module
	Environ []string // as from os.Environ
	Report  report.Report
}

// Get returns the builder of a Config. It pulls the image if the engine does not have it. It starts no container.
func (b *Builders) Get(ctx context.Context, r Request, c config.Config, p platform.Platform) (*Builder, error) {
	engine, img, found, err := b.Image(ctx, c, p)
	if err != nil {
		return nil, err
	}
	if !found {
		if img, err = b.pull(ctx, r.Report, c, engine); err != nil {
			return nil, err
		}
	}
	wishes, err := wishesOf(c)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	// Builds with different logins get different containers of one image.
	key := fmt.Sprintf("%s %s %+v", engine.Host(), img.ID, wishes)
	if have := b.all[key]; have != nil {
		return have, nil
	}
	made := &Builder{owner: b, engine: engine, at: engine.Host(), image: img, Ref: c.Build.Container, root: r.Root, HostGo: gobuild.Go{Dir: r.Dir, Env: r.Environ}, report: r.Report, wishes: wishes, origin: c.Origin}
	if made.folders, err = sourceFolders(r); err != nil {
		return nil, err
	}
	if b.all == nil {
		b.all = map[string]*Builder{}
	}
	b.all[key] = made
	return made, nil
}

// pull makes the engine pull the image of a Builder.
func (b *Builders) pull(ctx context.Context, to report.Report, c config.Config, engine *docker.Engine) (docker.Image, error) {
	done := to.Step(c.Build.Container, "builder", "pulling the image")
	err := engine.Pull(ctx, c.Build.Container, docker.Platform{}, nil)
	done("pulled", err)
	if err != nil {
		return docker.Image{}, &report.EngineError{Err: fmt.Errorf("getting the image of the Build.Container %q (%s): %w", c.Build.Container, c.Origin, err)}
	}
	img, found, err := engine.Image(ctx, c.Build.Container)
	if err == nil && !found {
		err = fmt.Errorf("the engine at %s does not have %q, which it has pulled", engine.Host(), c.Build.Container)
	}
	if err != nil {
		return docker.Image{}, &report.EngineError{Err: err}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pin(builderKey{engine.Host(), c.Build.Container}, img)
	return img, nil
}

// Close removes the containers, even if ctx has ended. Later uses start new ones.
func (b *Builders) Close(ctx context.Context) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, one := range b.all {
		errs = append(errs, one.close(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return &report.EngineError{Err: err}
	}
	return nil
}

// sourceFolders returns the folders that a container needs. They have the same paths in it, so they must not hide its own
// folders.
func sourceFolders(r Request) ([]string, error) {
	if filepath.Separator != '/' {
		return nil, &report.ConfigError{Err: errors.New("a Build.Container needs paths that a Linux container can have\nfix: run mage in WSL, or leave Build.Container out")}
	}
	folders, err := gobuild.SourceFolders(r.Dir, r.Environ)
	if err != nil {
		return nil, err
	}
	for _, dir := range folders {
		if slices.Contains(hidden, dir) || slices.ContainsFunc(systemRoots, func(root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }) {
			return nil, &report.ConfigError{Err: fmt.Errorf("a Build.Container needs the folder %q of this machine at the same path, where the container has its own\nfix: move the module to another folder", dir)}
		}
	}
	return folders, nil
}

// hidden are folders that a source folder must not replace. Folders below them are fine.
var hidden = []string{"/", "/usr", "/usr/local", "/etc", "/var", "/opt", "/tmp", "/root", "/home", "/run", "/srv"}

// systemRoots are folders that a source folder must neither replace nor be below.
var systemRoots = []string{"/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/include", "/usr/local/go", "/proc", "/sys", "/dev", insideRoot}

// insideRoot is fromscratch's folder in a builder container.
const insideRoot = "/.fromscratch"

// inside returns a path in that folder.
func inside(name string) string { return path.Join(insideRoot, name) }

// builderAddress returns the engine that Config.Builders names for a platform, "" for none.
func builderAddress(c config.Config, p platform.Platform) (string, error) {
	address := ""
	for name, at := range c.Build.Engines {
		named, err := platform.Parse(name)
		if err != nil {
			return "", fmt.Errorf("reading Build.Engines (%s): %w", c.Origin, err)
		}
		if platform.Same(named, p) {
			address = at
		}
	}
	return address, nil
}
