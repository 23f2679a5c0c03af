package resolve

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/git"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
)

// Program is an image of the module, with the program in it.
type Program struct {
	Name       string // of the image
	ImportPath string // "" for a Binary
}

// Programs returns the images, or those in IMAGE_NAME, in the order of [Opened.Resolve]. It asks only the go command of this machine:
// it runs no function of a Config, starts no container and reads no secret. What cannot be listed, perhaps because a Before has not
// written all of it yet, has the name and the import path that its Config makes likely.
func Programs(ctx context.Context, in Inputs) ([]Program, error) {
	in.git = git.Open(in.Dir, in.Environ, state.MageFile)
	in.EnginePlatform, in.Choose = nil, nil // the programs are the same for each platform
	module, err := in.gocmd().Module(ctx)
	if err != nil {
		return nil, err
	}
	configs := in.Configs
	if len(configs) == 0 {
		configs = []config.Config{{Origin: "default"}}
	}
	var all []subject
	for i, c := range configs {
		c.Build.LDFlags = "" // its templates need not have a value yet
		s := subject{config: c, index: i, compiler: compiler{gocmd: in.gocmdIn(module.Dir), module: module}}
		if c.Binary != "" || len(c.BinaryFor) > 0 {
			s.name = likelyName(c)
			all = append(all, s)
			continue
		}
		platforms, _, _, err := in.platforms(ctx, c)
		if err != nil {
			return nil, err
		}
		s.platform = platforms[0]
		mains, err := in.oneMain(ctx, s)
		switch {
		case err == nil:
			all = append(all, s.each(mains)...)
		case ctx.Err() != nil || len(in.Configs) == 0:
			return nil, err
		default: // a Before may write what is missing; if none does, Resolve fails too
			s.name, s.main.ImportPath = likelyProgram(c, module)
			all = append(all, s)
		}
	}
	if all, err = selected(all, in.getenv("IMAGE_NAME")); err != nil {
		return nil, err
	}
	programs := make([]Program, 0, len(all))
	for _, s := range all {
		programs = append(programs, Program{s.name, s.main.ImportPath})
	}
	return programs, nil
}

// oneMain returns the program of a Config. Without Configs it returns all.
func (in Inputs) oneMain(ctx context.Context, s subject) ([]gobuild.Main, error) {
	mains, err := in.mains(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("finding the program of the Config (%s): %w", s.config.Origin, err)
	}
	if len(mains) > 1 && len(in.Configs) > 0 {
		return nil, tooMany(s.config, mains)
	}
	return mains, nil
}

// likelyProgram returns what the name and the program of an image are, if the go command cannot say it.
func likelyProgram(c config.Config, m gobuild.Module) (name, importPath string) {
	if name = likelyName(c); name == "." {
		name = path.Base(m.Path)
	}
	if main := filepath.ToSlash(c.Main); main != m.Path && !strings.HasPrefix(main, m.Path+"/") {
		return name, path.Join(m.Path, main) // a folder of the module
	}
	return name, c.Main
}
