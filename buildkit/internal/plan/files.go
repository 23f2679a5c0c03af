package plan

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// DataDir is the folder in the image that its user can write to, and where the
// program starts.
const DataDir = "/data"

// decideFiles decides what goes into the root file system besides the program and its
// libraries.
func (p *planner) decideFiles() error {
	c := p.config
	user, err := p.decideUser()
	if err != nil {
		return fmt.Errorf("deciding about the user (%s): %w", c.Origin, err)
	}
	reason := "configured at " + c.Origin
	own, err := p.ownFiles(reason)
	if err != nil {
		return err
	}
	capabilities, err := rootfs.ParseCapabilities(c.Capabilities)
	if err != nil {
		return fmt.Errorf("reading the Capabilities (%s): %w", c.Origin, err)
	}
	p.Files = rootfs.Spec{
		Program: p.Program(), Capabilities: capabilities, User: user, Users: users(c.Users), Dir: p.Root, DataDir: DataDir,
		Files: own, Dirs: dirs(slices.Concat(c.Dirs, p.mountPoints()), reason),
		Timezones: c.Timezones, TZ: c.Env["TZ"], GOROOT: p.goroot,
		Certificates: rootfs.Certificates{Extra: c.Certificates},
	}
	if p.Base != nil {
		p.Files.Base, p.Files.BaseName = p.Base.FS, p.config.Base
	}
	if err := p.checkPlaces(); err != nil {
		return err
	}
	for _, f := range p.Files.Files {
		value := f.From + " → " + f.To
		if f.Capabilities != 0 {
			value += ", with " + f.Capabilities.String()
		}
		p.decidedPath("file", value, c.Origin)
	}
	for _, d := range p.Files.Dirs {
		p.decided("dir", d.Path, c.Origin)
	}
	if p.Base != nil {
		if bundle, ok := rootfs.BaseBundle(p.Base.FS); ok {
			p.decidedPath("certificates", strings.Join(append([]string{bundle + " of the base"}, c.Certificates...), ", "),
				origin(c, len(c.Certificates) > 0, p.baseOrigin()))
			return p.decideZones()
		}
	}
	bundle, from, err := p.decideBundle(p.getenv("SSL_CERT_FILE"))
	if err != nil {
		return err
	}
	p.Files.Certificates.Bundle = bundle
	if from == "builder" { // its path on this machine means nothing
		bundle = "those of " + p.Builder.Ref
		p.Files.Certificates.Name = p.Builder.Ref
	}
	p.decidedPath("certificates", strings.Join(append([]string{bundle}, c.Certificates...), ", "),
		origin(c, len(c.Certificates) > 0, from))
	return p.decideZones()
}

// decideZones notes the zones for people.
func (p *planner) decideZones() error {
	c := p.config
	if len(c.Timezones) > 0 || c.Env["TZ"] != "" {
		p.decided("zones", strings.Join(append(slices.Clone(c.Timezones), c.Env["TZ"]), " "), c.Origin)
	}
	return nil
}

// decideBundle takes the builder's certificates, unless the user names others.
func (p *planner) decideBundle(sslCertFile string) (bundle, from string, err error) {
	if p.Bundle != "" && sslCertFile == "" {
		return p.Bundle, "builder", nil
	}
	if from = "host"; sslCertFile != "" {
		from = "env SSL_CERT_FILE"
	}
	bundle, err = rootfs.FindBundle(sslCertFile)
	return bundle, from, err
}

// checkPlaces finds mistakes that would otherwise only show after the program is compiled:
// another file in its place, and decimal modes that were meant as octal.
func (p *planner) checkPlaces() error {
	type place struct {
		what, path string
		mode       fs.FileMode
	}
	var places []place
	for _, f := range p.Files.Files {
		places = append(places, place{"a File", f.To, f.Mode})
	}
	for _, d := range p.Files.Dirs {
		places = append(places, place{"a Dir, Workdir or Volume", d.Path, d.Mode})
	}
	for _, l := range places {
		if path.Clean(l.path) == p.Program() {
			return fmt.Errorf("%s (%s) is %s, where the program is\nfix: set Program, or Name, to something else", l.what, p.Origin, p.Program())
		}
		if digits := strconv.FormatUint(uint64(l.mode), 10); octalLike.MatchString(digits) && !plausible(l.mode) {
			return fmt.Errorf("the mode %s of %s is a decimal number, %#o (%s)\nfix: write 0o%s", digits, l.path, uint32(l.mode), p.Origin, digits)
		}
	}
	return nil
}

// plausible reports whether a mode can be meant as it is. 0o644 is 420 and 0o640 is 416, which
// look like modes themselves. But 644 is 0o1204, which no file has.
func plausible(mode fs.FileMode) bool {
	if mode < 1000 {
		return mode <= 0o777
	}
	return mode <= 0o7777 && mode&0o400 != 0
}

// octalLike matches decimal numbers that look like octal modes.
var octalLike = regexp.MustCompile(`^[0-7]?[4-7][0-7][0-7]$`)

// mountPoints returns the folders that the image must have because its configuration names
// them: the work folder and the volumes, unless it has them anyway.
func (p *planner) mountPoints() []config.Dir {
	var dirs []config.Dir
	for _, dir := range append([]string{p.config.Workdir}, p.config.Volumes...) {
		dir = path.Clean(dir)
		known := func(other string) bool { return path.Clean(other) == dir }
		if !path.IsAbs(dir) || dir == "/" || dir == "/tmp" || dir == DataDir || p.baseHasFolder(dir) ||
			slices.ContainsFunc(p.config.Dirs, func(d config.Dir) bool { return known(d.Path) }) ||
			slices.ContainsFunc(p.config.Users, func(u config.User) bool { return known(u.Home) }) ||
			slices.ContainsFunc(p.config.Files, func(f config.File) bool { return known(f.To) }) ||
			slices.ContainsFunc(dirs, func(d config.Dir) bool { return known(d.Path) }) {
			continue
		}
		dirs = append(dirs, config.Dir{Path: dir})
	}
	return dirs
}
