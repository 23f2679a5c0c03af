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
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Builders are the containers that compile programs: of Configs with a Builder. One is started when it is needed, and
// used for all that the run compiles in its image. Whoever makes a Builders closes it.
type Builders struct {
	// Engine gives the engine that compiles for a platform; Builders does not close it. An error, when there is none, is
	// told as an [*report.EngineError]. Required.
	Engine func(ctx context.Context, p platform.Platform) (*docker.Engine, error)
	// At opens an engine that Config.Builders names; Builders does not close it. Required where one does.
	At func(ctx context.Context, address string) (*docker.Engine, error)
	// Cache is a folder for the files of builder images that were read; it is safe to remove. Required.
	Cache string
	// Copy copies the sources into the containers where they could be mounted as well.
	Copy bool
	// Prefix begins the names of containers and volumes. Default: "fromscratch".
	Prefix string

	mu    sync.Mutex
	found map[builderKey]docker.Image // what a name stands for, for the whole run
	all   map[string]*Builder         // by engine and image
}

// builderKey is an image by its name on one engine.
type builderKey struct{ host, ref string }

// Image returns the image of a Config's Builder, and its engine; found is false if the engine does not have it yet. Nothing is pulled.
func (b *Builders) Image(ctx context.Context, c config.Config, p platform.Platform) (engine *docker.Engine, img docker.Image, found bool, err error) {
	if engine, err = b.engine(ctx, c, p); err != nil {
		return nil, img, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key := builderKey{engine.Host(), c.Builder}
	if img, found = b.found[key]; found {
		return engine, img, true, nil
	}
	if img, found, err = engine.Image(ctx, c.Builder); err != nil {
		return nil, img, false, &report.EngineError{Err: err}
	}
	if found {
		b.pin(key, img)
	}
	return engine, img, found, nil
}

// pin keeps what a name stands for: it may move while the run works.
func (b *Builders) pin(key builderKey, img docker.Image) {
	if b.found == nil {
		b.found = map[builderKey]docker.Image{}
	}
	b.found[key] = img
}

func (b *Builders) engine(ctx context.Context, c config.Config, p platform.Platform) (*docker.Engine, error) {
	if b == nil || b.Engine == nil {
		return nil, &report.EngineError{Err: fmt.Errorf("compiling in the Builder %q (%s): there is no Docker Engine for it\nfix: start Docker, or leave Builder out", c.Builder, c.Origin)}
	}
	address, err := builderAddress(c, p)
	if err != nil {
		return nil, &report.ConfigError{Err: err}
	}
	if address != "" && b.At != nil {
		engine, err := b.At(ctx, address)
		if err != nil {
			return nil, noEngine(fmt.Errorf("compiling for %s on the engine %q of Builders (%s): %w", p, address, c.Origin, err))
		}
		return engine, nil
	}
	engine, err := b.Engine(ctx, p)
	if err != nil {
		return nil, noEngine(fmt.Errorf("compiling in the Builder %q (%s) needs a Docker Engine: %w", c.Builder, c.Origin, err))
	}
	return engine, nil
}

// noEngine is the error of whose fault it is: the user's, for an address that cannot be meant, else the engine's.
func noEngine(err error) error {
	var config *docker.ConfigError
	if errors.As(err, &config) {
		return &report.ConfigError{Err: err}
	}
	return &report.EngineError{Err: err}
}

// Request says for whom a builder compiles.
type Request struct {
	Dir     string   // the folder where the build was started
	Root    string   // the folder of the module
	Environ []string // as os.Environ gives it
	Report  report.Report
}

// Get returns the builder of a Config. It pulls the image if the engine does not have it, and starts nothing yet.
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
	// Containers of one image that are lent different logins are different ones.
	key := fmt.Sprintf("%s %s %+v", engine.Host(), img.ID, wishes)
	if have := b.all[key]; have != nil {
		return have, nil
	}
	made := &Builder{owner: b, engine: engine, at: engine.Host(), image: img, Ref: c.Builder, root: r.Root, HostGo: gobuild.Go{Dir: r.Dir, Env: r.Environ}, report: r.Report, wishes: wishes, origin: c.Origin}
	if made.folders, err = sourceFolders(r); err != nil {
		return nil, err
	}
	if b.all == nil {
		b.all = map[string]*Builder{}
	}
	b.all[key] = made
	return made, nil
}

// pull lets the engine fetch the image of a Builder.
func (b *Builders) pull(ctx context.Context, to report.Report, c config.Config, engine *docker.Engine) (docker.Image, error) {
	done := to.Step(c.Builder, "builder", "pulling the image")
	err := engine.Pull(ctx, c.Builder, docker.Platform{}, nil)
	done("pulled", err)
	if err != nil {
		return docker.Image{}, &report.EngineError{Err: fmt.Errorf("getting the image of the Builder %q (%s): %w", c.Builder, c.Origin, err)}
	}
	img, found, err := engine.Image(ctx, c.Builder)
	if err == nil && !found {
		err = fmt.Errorf("the engine at %s does not have %q, which it has pulled", engine.Host(), c.Builder)
	}
	if err != nil {
		return docker.Image{}, &report.EngineError{Err: err}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pin(builderKey{engine.Host(), c.Builder}, img)
	return img, nil
}

// Close removes the containers, also when ctx has ended. What is asked of them afterwards starts others.
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

// sourceFolders are the folders that a container needs. They have the same paths in it, so they must not hide what is
// there.
func sourceFolders(r Request) ([]string, error) {
	if filepath.Separator != '/' {
		return nil, &report.ConfigError{Err: errors.New("a Builder needs paths that a Linux container can have too\nfix: run mage in WSL, or leave Builder out")}
	}
	folders, err := gobuild.SourceFolders(r.Dir, r.Environ)
	if err != nil {
		return nil, err
	}
	for _, dir := range folders {
		if slices.Contains(hidden, dir) || slices.ContainsFunc(systemRoots, func(root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }) {
			return nil, &report.ConfigError{Err: fmt.Errorf("a Builder needs the folder %q of this machine at the same place, and has its own there\nfix: move the module to another folder", dir)}
		}
	}
	return folders, nil
}

// hidden are folders that a container cannot do without; below them there is room.
var hidden = []string{"/", "/usr", "/usr/local", "/etc", "/var", "/opt", "/tmp", "/root", "/home", "/run", "/srv"}

// systemRoots are those below which there is no room either.
var systemRoots = []string{"/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/include", "/usr/local/go", "/proc", "/sys", "/dev", insideRoot}

// insideRoot is the folder of a builder container that is ours.
const insideRoot = "/.fromscratch"

// inside is a path in it.
func inside(name string) string { return path.Join(insideRoot, name) }

// builderAddress is the engine that Config.Builders names for a platform; "" is none.
func builderAddress(c config.Config, p platform.Platform) (string, error) {
	address := ""
	for name, at := range c.Builders {
		named, err := platform.Parse(name)
		if err != nil {
			return "", fmt.Errorf("reading Builders (%s): %w", c.Origin, err)
		}
		if platform.Same(named, p) {
			address = at
		}
	}
	return address, nil
}
