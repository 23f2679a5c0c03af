package buildkit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

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
	return err == nil && slices.Contains(own.Ports, port)
}

func (p *Plan) ownVolume(dir string) bool {
	own, err := image.Config{Platform: p.Platform, Volumes: p.config.Volumes}.Normalise()
	return err == nil && slices.Contains(own.Volumes, dir)
}
