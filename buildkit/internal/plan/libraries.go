package plan

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// Values in Config.Plugins that are no names of groups.
const (
	PluginsAuto = "auto"
	PluginsNone = "none"
)

// decideLibraries decides where libraries come from, and which are added although no
// file needs them by name.
func (p *planner) decideLibraries() error {
	c := p.config
	if p.config.Sysroot != "" {
		if !p.hasFolder(p.config.Sysroot) {
			return fmt.Errorf("the Sysroot %q (%s) is no folder%s\nfix: name the folder that holds /lib and /usr of the platform", p.config.Sysroot, p.Origin, p.inBuilder())
		}
		p.decidedPath("sysroot", p.config.Sysroot, p.Origin)
	}
	for _, l := range c.Libraries {
		if l == "" || strings.Contains(l, "/") && !path.IsAbs(l) {
			return fmt.Errorf("the library %q (%s) is neither a name nor an absolute path\nfix: write it like \"libsqlite3.so.0\", or with its path in the sysroot", l, c.Origin)
		}
		p.decided("library", l, c.Origin)
	}
	for _, e := range c.Exclude {
		if _, err := path.Match(e, ""); err != nil || e == "" {
			return fmt.Errorf("the pattern %q of Exclude (%s) is malformed\nfix: write a pattern of path.Match, like \"/usr/lib/*/gconv/*\", or name a group", e, c.Origin)
		}
		p.decided("exclude", e, c.Origin)
	}
	if c.CPUVariants {
		p.decided("cpu variants", "glibc-hwcaps", c.Origin)
	}
	return p.decidePlugins()
}

// hasFolder reports whether the machine that compiles has a folder.
func (p *planner) hasFolder(dir string) bool {
	if p.Builder != nil {
		info, err := p.Builder.Below(dir).Lstat(".")
		return err == nil && info.IsDir()
	}
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// inBuilder returns, for people, where that machine is, "" if it is this one.
func (p *planner) inBuilder() string {
	if p.Builder == nil {
		return ""
	}
	return " of the Build.Container " + p.Builder.Ref
}

// decidePlugins reads Config.Plugins.
func (p *planner) decidePlugins() error {
	c := p.config
	for _, g := range c.Plugins {
		if g == "" || len(c.Plugins) > 1 && g == PluginsNone {
			return fmt.Errorf("the Plugins are %q (%s)\nfix: set them to \"auto\", to \"none\", or to names of groups as imagePlan prints them", c.Plugins, c.Origin)
		}
	}
	words := PluginsAuto
	if len(c.Plugins) > 0 {
		words = strings.Join(c.Plugins, " ")
	}
	p.decided("plugins", words, origin(c, len(c.Plugins) > 0, "default"))
	return nil
}
