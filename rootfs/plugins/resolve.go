package plugins

import (
	"context"
	"slices"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Resolve resolves a program with everything that its libraries open, and everything that these open in
// turn: a plugin of vips, for example, links ImageMagick's library, which has its own plugins. It
// alternates [ldd.Resolve] and [Discover] until nothing new is found. The program's own Opens and Tries
// come first.
//
// Errors are those of ldd.Resolve, including [ldd.MissingError] with a closure, and those of Discover.
// Plugins that can't be loaded are in the closure's Left.
func Resolve(ctx context.Context, sys ldd.FS, p ldd.Program, env ldd.Env, o Options) (*ldd.Closure, *Found, error) {
	p.Opens, p.Tries = slices.Clone(p.Opens), slices.Clone(p.Tries)
	if p.Memory == nil {
		p.Memory = &ldd.Memory{} // no file is read again in the next round
	}
	root := newRoots(sys, o)
	for {
		c, err := ldd.Resolve(ctx, sys, p, env)
		if err != nil {
			return c, nil, err
		}
		d := newDiscovery(ctx, root, c, o)
		if err := d.discover(); err != nil {
			return c, nil, err
		}
		if !requestPlugins(&p, &d.found) {
			if err := d.finish(); err != nil {
				return c, nil, err
			}
			d.found.Packages = d.Packages
			return c, &d.found, nil
		}
		o.Packages, o.named = d.Packages, d.named // read once
	}
}

// requestPlugins adds the plugins that the program does not open yet. It reports whether there were any.
func requestPlugins(p *ldd.Program, found *Found) (more bool) {
	for _, plugin := range found.Plugins {
		list := &p.Tries
		if plugin.Required {
			list = &p.Opens
		}
		if !slices.Contains(*list, plugin.Path) {
			*list = append(*list, plugin.Path)
			more = true
		}
	}
	return more
}
