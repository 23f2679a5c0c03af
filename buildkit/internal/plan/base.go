package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// NoBase is the name of the empty base, as in Dockerfiles.
const NoBase = "scratch"

// decideBase notes the base for people.
func (p *planner) decideBase() error {
	switch {
	case p.baseErr != nil:
		p.decided("base", fmt.Sprintf("%s (unresolved: %s)", p.config.Base, strings.ReplaceAll(p.baseErr.Error(), "\n", "; ")), p.Origin)
	case p.Base != nil:
		value := fmt.Sprintf("%s (%s)", p.config.Base, p.Base.Digest)
		// The place where it was found differs between machines; its digest does not.
		p.decidedAs("base", value, p.Origin+", found in "+p.Base.From, Public{Value: value, Origin: p.Origin})
	case p.config.Base != "":
		p.decided("base", NoBase, p.Origin)
	}
	return nil
}

// decideUser returns the user of the Config, which may be a name from Users or the base. The
// default is the base's user, unless that is root.
func (p *planner) decideUser() (rootfs.User, error) {
	known, words := users(p.config.Users), p.config.User
	if p.Base == nil {
		return rootfs.ParseUser(words, known)
	}
	more, err := rootfs.BaseUsers(p.Base.FS, DataDir)
	if err != nil {
		return rootfs.User{}, err
	}
	if p.inheritsUser() {
		words = p.Base.Image.Document().Config.User
	}
	return rootfs.ParseUser(words, append(known, more...))
}

// inheritsUser reports whether the image runs as the base's user.
func (p *planner) inheritsUser() bool {
	if p.Base == nil || p.config.User != "" {
		return false
	}
	user, _, _ := strings.Cut(p.Base.Image.Document().Config.User, ":")
	return user != "" && user != "root" && user != "0"
}

// The origins of values that the base may set, for people.

func (p *planner) baseOrigin() string { return "the base" }

func (p *planner) userOrigin() string {
	if p.inheritsUser() {
		return p.baseOrigin()
	}
	return "default"
}

func (p *planner) envOrigin(key string) string {
	if p.Base != nil && key != "HOME" {
		return p.baseOrigin()
	}
	return "home of the user"
}

func (p *planner) ownPort(port string) bool {
	own, err := image.Config{Platform: p.Platform, Ports: p.config.Ports}.Normalise()
	return err == nil && slices.Contains(own.Ports, port)
}

func (p *planner) ownVolume(dir string) bool {
	own, err := image.Config{Platform: p.Platform, Volumes: p.config.Volumes}.Normalise()
	return err == nil && slices.Contains(own.Volumes, dir)
}

// baseHasFolder reports whether the base has a folder. Such a folder is left as it is, as
// engines do for WORKDIR and VOLUME.
func (p *planner) baseHasFolder(dir string) bool {
	if p.Base == nil {
		return false
	}
	real, _, err := ldd.Follow(p.Base.FS, dir)
	if err != nil || real == "/" {
		return err == nil
	}
	info, err := p.Base.FS.Lstat(strings.TrimPrefix(real, "/"))
	return err == nil && info.IsDir()
}

// Machine returns a folder of the machine that compiles, the builder or this one, as a file system.
func (p Image) Machine(dir string) ldd.FS {
	if p.Builder != nil {
		return p.Builder.Below(dir)
	}
	return ldd.DirFS(dir)
}
