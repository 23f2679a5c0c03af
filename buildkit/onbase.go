package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/base"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// noBase is the base of an image that is put on nothing, as Dockerfiles call it.
const noBase = "scratch"

// baseMemory is what is kept of a base for the next run to see whether its name means
// another image now.
type baseMemory struct {
	Request base.Request
	ID      string
}

// baseRequest is the base of a Config.
func baseRequest(dir string, c Config, p Platform) base.Request {
	return base.Request{Reference: c.Base, Dir: dir, Platform: p}
}

// findBases finds the bases of all images, each once. That one is not there is not an
// error yet: a plan without it can be read.
func (in Inputs) findBases(ctx context.Context, m gobuild.Module, subjects []subject) error {
	type result struct {
		base *base.Base
		err  error
	}
	found := map[base.Request]result{}
	for i, s := range subjects {
		if s.config.Base == "" || s.config.Base == noBase {
			continue
		}
		r := baseRequest(m.Dir, s.config, s.platform)
		if _, ok := found[r]; !ok {
			b, err := in.findBase(ctx, s, r)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			found[r] = result{b, err}
		}
		subjects[i].base, subjects[i].baseErr = found[r].base, found[r].err
	}
	return nil
}

// findBase finds a base, and says whose mistake it is that there is none.
func (in Inputs) findBase(ctx context.Context, s subject, r base.Request) (*base.Base, error) {
	finder, err := in.finder()
	if err != nil {
		return nil, err
	}
	done := in.Report.step(s.name, "base", "finding "+r.Reference)
	b, err := finder.Find(ctx, r)
	if err != nil {
		done("", err)
		err = fmt.Errorf("the Base of the Config (%s): %w", s.config.Origin, err)
		var remote *base.RemoteError
		if errors.As(err, &remote) {
			return nil, &EngineError{err}
		}
		return nil, &ConfigError{err}
	}
	done(fmt.Sprintf("%s (%s), found in %s", r.Reference, b.Digest, b.From), nil)
	return b, nil
}

// finder is what looks for bases.
func (in Inputs) finder() (base.Finder, error) {
	cache := in.Cache
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return base.Finder{}, fmt.Errorf("finding the folder for the layers of base images: %w\nfix: set HOME", err)
		}
		cache = filepath.Join(dir, "fromscratch")
	}
	home := cmp.Or(in.getenv("HOME"), in.getenv("USERPROFILE"))
	config := in.getenv("DOCKER_CONFIG")
	if config == "" && home != "" {
		config = filepath.Join(home, ".docker")
	}
	return base.Finder{Cache: filepath.Join(cache, "bases"), DockerConfig: config, Engine: func(ctx context.Context) (base.Engine, error) {
		if in.Engine == nil {
			return nil, nil
		}
		engine, err := in.Engine(ctx)
		if err != nil || engine == nil {
			return nil, err
		}
		return engineOfBases{engine}, nil
	}}, nil
}

// engineOfBases is an engine in the words of the room for bases.
type engineOfBases struct{ engine *docker.Engine }

func (e engineOfBases) Base(ctx context.Context, ref string) (string, image.Platform, bool, error) {
	img, found, err := e.engine.Image(ctx, ref)
	p := image.Platform{OS: img.Platform.OS, Architecture: img.Platform.Arch, Variant: img.Platform.Variant}
	return img.ID, p, found && img.Complete, err
}

func (e engineOfBases) Save(ctx context.Context, ref string, w io.Writer) error {
	return e.engine.Save(ctx, ref, w)
}

// SameBase tells whether the base's name still means what the image was put on. Where
// that cannot be told, the build will say why.
func (d Deliverable) SameBase(ctx context.Context, in Inputs) bool {
	if d.base == nil {
		return true
	}
	finder, err := in.finder()
	if err != nil {
		return false
	}
	id, err := finder.Identify(ctx, d.base.Request)
	return err == nil && id == d.base.ID
}

func (p Plan) baseMemory() *baseMemory {
	if p.base == nil {
		return nil
	}
	return &baseMemory{baseRequest(p.module.Dir, p.config, p.Platform), p.base.ID}
}

// decideBase notes the base for people.
func (p *Plan) decideBase(Inputs, gobuild.Module) error {
	switch {
	case p.baseErr != nil:
		p.decided("base", fmt.Sprintf("%s (unresolved: %s)", p.config.Base, strings.ReplaceAll(p.baseErr.Error(), "\n", "; ")), p.config.Origin)
	case p.base != nil:
		p.decided("base", fmt.Sprintf("%s (%s)", p.config.Base, p.base.Digest), p.config.Origin+", found in "+p.base.From)
	case p.config.Base != "":
		p.decided("base", noBase, p.config.Origin)
	}
	return nil
}

// decideUser is the user of the Config, by the names of Users and of the base; without one
// the base's, unless he is root.
func (p *Plan) decideUser() (rootfs.User, error) {
	known, words := users(p.config.Users), p.config.User
	if p.base == nil {
		return rootfs.ParseUser(words, known)
	}
	more, err := rootfs.BaseUsers(p.base.FS, dataDir)
	if err != nil {
		return rootfs.User{}, err
	}
	if p.inheritsUser() {
		words = p.base.Image.Document().Config.User
	}
	return rootfs.ParseUser(words, append(known, more...))
}

// inheritsUser tells whether the image runs as the base's user.
func (p *Plan) inheritsUser() bool {
	if p.base == nil || p.config.User != "" {
		return false
	}
	user, _, _ := strings.Cut(p.base.Image.Document().Config.User, ":")
	return user != "" && user != "root" && user != "0"
}

// The origins of what the base may say, for people.

func (p *Plan) baseOrigin() string { return "the base" }

func (p *Plan) userOrigin() string {
	if p.inheritsUser() {
		return p.baseOrigin()
	}
	return "default"
}

func (p *Plan) envOrigin(key string) string {
	if p.base != nil && key != "HOME" {
		return p.baseOrigin()
	}
	return "home of the user"
}

func (p *Plan) ownPort(port string) bool {
	own, err := image.Config{Platform: p.Platform, Ports: p.config.Ports}.Normalise()
	return err == nil && contains(own.Ports, port)
}

func (p *Plan) ownVolume(dir string) bool {
	own, err := image.Config{Platform: p.Platform, Volumes: p.config.Volumes}.Normalise()
	return err == nil && contains(own.Volumes, dir)
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// env is a variable of the image.
func (p Plan) env(name string) string {
	for _, pair := range p.Image.Env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// executables says where else there are some, for people.
func (p Plan) executables() string {
	if p.base == nil {
		return "Files; there is no shell"
	}
	return "Files or of the base " + p.config.Base
}

// aboveBase says for people that the tree is not the whole image.
func (p Plan) aboveBase() string {
	if p.base == nil {
		return ""
	}
	return ", without the files of the base " + p.config.Base
}

func (p Plan) baseImage() *image.Base {
	if p.base == nil {
		return nil
	}
	return p.base.Image
}

// baseSize says for people how much of an image is its base.
func (b *Built) baseSize() string {
	if b.Plan.base == nil {
		return ""
	}
	var size int64
	for _, l := range b.Plan.base.Image.Layers {
		size += l.Size
	}
	return fmt.Sprintf(", %s of them the base %s", Size(size), b.Plan.config.Base)
}

// sharedWithBase is how many layers an engine has that keeps layers as we send them. It has
// the base's, if it knows the base by its configuration's digest: then it has a graph
// driver, or is podman. The containerd image store names images by manifests; its blobs
// are compressed, and other ones than ours.
func (b *Built) sharedWithBase(ctx context.Context, engine *docker.Engine, kept int) (int, error) {
	p := b.Plan
	if p.base == nil || kept >= len(p.base.Image.Layers) {
		return kept, nil
	}
	id := p.base.ConfigDigest.String()
	img, found, err := engine.Image(ctx, id)
	if err != nil || !found || !img.Complete || img.ID != id {
		return kept, err
	}
	var diffIDs []string
	for _, l := range p.base.Image.Layers {
		diffIDs = append(diffIDs, l.DiffID.String())
	}
	return max(kept, img.Shared(diffIDs)), nil
}
