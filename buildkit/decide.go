package buildkit

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// dataDir is the folder in the image that its user can write to, and where the
// program starts.
const dataDir = "/data"

// plan decides everything about one image.
func (in Inputs) plan(m gobuild.Module, s subject) (Plan, error) {
	p := Plan{
		Name: s.name, Root: m.Dir, Main: s.main, Platform: s.platform,
		config: s.config, gocmd: in.gocmdIn(m),
	}
	p.decided("main", s.main.ImportPath, origin(s.config, s.config.Main != "", "discovered"))
	p.decided("platform", s.platform.String(), s.from)
	for _, decide := range []func(Inputs, gobuild.Module) error{
		p.decideName, p.decideReference, p.decideEpoch, p.decideCompile, p.decideFiles, p.decideRuntime,
	} {
		if err := decide(in, m); err != nil {
			return Plan{}, &ConfigError{err}
		}
	}
	return p, nil
}

// decided notes a value for people.
func (p *Plan) decided(name, value, origin string) {
	p.Values = append(p.Values, Value{name, value, origin})
}

// origin says where a value comes from that is set in the Config or is not.
func origin(c Config, set bool, otherwise string) string {
	if set {
		return c.Origin
	}
	return otherwise
}

// nameOf is the image's name: the Config's, else the program's.
func nameOf(c Config, m gobuild.Main) string { return cmp.Or(c.Name, m.Name) }

// nameRule keeps the name a file's name without surprises: it is the program's.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)

// systemNames are folders of the root that images have, or that a container's
// runtime mounts (https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#default-filesystems).
var systemNames = []string{"data", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "root", "sys", "tmp", "usr"}

func (p *Plan) decideName(Inputs, gobuild.Module) error {
	from := origin(p.config, p.config.Name != "", "discovered")
	if !nameRule.MatchString(p.Name) {
		return fmt.Errorf("the name %q (%s) cannot be a program's\nfix: set Name to letters, digits, \"-\", \"_\" and \".\"", p.Name, from)
	}
	if slices.Contains(systemNames, p.Name) {
		return fmt.Errorf("the program would be /%s (%s), which is a folder in the image\nfix: set Name to something else", p.Name, from)
	}
	p.decided("program", p.program(), from)
	return nil
}

// notInRepository are the characters that a repository's name cannot have
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
var notInRepository = regexp.MustCompile(`[^a-z0-9]+`)

func (p *Plan) decideReference(in Inputs, _ gobuild.Module) error {
	c := p.config
	repo, repoFrom := strings.Trim(notInRepository.ReplaceAllString(strings.ToLower(p.Name), "-"), "-"), "default"
	if c.Repo != "" {
		repo, repoFrom = c.Repo, c.Origin
	}
	if env := in.getenv("IMAGE_REPO"); env != "" {
		repo, repoFrom = env, "env IMAGE_REPO"
	}
	tag, tagFrom := "latest", "default"
	if c.Tag != "" {
		tag, tagFrom = c.Tag, c.Origin
	}
	if env := in.getenv("IMAGE_TAG"); env != "" {
		tag, tagFrom = env, "env IMAGE_TAG"
	}
	from := repoFrom
	if tagFrom != repoFrom {
		from = "repository: " + repoFrom + ", tag: " + tagFrom
	}
	ref, err := deliver.Reference(repo, tag)
	if err != nil {
		return fmt.Errorf("naming the image (%s): %w", from, err)
	}
	p.Reference = ref
	p.decided("reference", ref, from)
	return nil
}

// decideEpoch takes the time of every file from SOURCE_DATE_EPOCH, whole seconds
// since 1970 (https://reproducible-builds.org/specs/source-date-epoch/).
func (p *Plan) decideEpoch(in Inputs, _ gobuild.Module) error {
	p.Epoch = time.Unix(0, 0).UTC()
	from := "default"
	if s := in.getenv("SOURCE_DATE_EPOCH"); s != "" {
		seconds, err := strconv.ParseInt(s, 10, 64)
		if err != nil || seconds < 0 {
			return fmt.Errorf("SOURCE_DATE_EPOCH is %q, not seconds since 1970\nfix: set it to a number, or unset it", s)
		}
		p.Epoch, from = time.Unix(seconds, 0).UTC(), "env SOURCE_DATE_EPOCH"
	}
	p.decided("time", p.Epoch.Format(time.RFC3339), from)
	return nil
}

func (p *Plan) decideCompile(Inputs, gobuild.Module) error {
	options, err := compileOptions(p.config)
	if err != nil {
		return err
	}
	p.Compile = options
	cgo := "off"
	if p.Main.Cgo.Enabled {
		cgo = "on"
	}
	p.decided("cgo", cgo, p.Main.Cgo.Why)
	p.decided("go build", flagsOf(options), origin(p.config,
		len(options.Tags)+len(options.Flags)+len(options.LDFlags) > 0 || options.Symbols, "default"))
	for _, key := range slices.Sorted(maps.Keys(options.Env)) {
		p.decided("go env", key+"="+options.Env[key], p.config.Origin)
	}
	if p.config.Sysroot != "" {
		if info, err := os.Stat(p.config.Sysroot); err != nil || !info.IsDir() {
			return fmt.Errorf("the Sysroot %q (%s) is no folder\nfix: name the folder that holds /lib and /usr of the platform", p.config.Sysroot, p.config.Origin)
		}
		p.decided("sysroot", p.config.Sysroot, p.config.Origin)
	}
	return nil
}

// flagsOf is the command line of the go command, for people.
func flagsOf(o gobuild.Options) string {
	ldflags := o.LDFlags
	if !o.Symbols {
		ldflags = strings.TrimSpace("-s -w " + ldflags)
	}
	flags := []string{"-trimpath", "-buildvcs=false"}
	if ldflags != "" {
		flags = append(flags, fmt.Sprintf("-ldflags=%q", ldflags))
	}
	if len(o.Tags) > 0 {
		flags = append(flags, "-tags="+strings.Join(o.Tags, ","))
	}
	return strings.Join(append(flags, o.Flags...), " ")
}

// compileOptions are those of a Config in the words of the go command's room.
func compileOptions(c Config) (gobuild.Options, error) {
	switch gobuild.CGO(c.Cgo) {
	case "", gobuild.Auto, gobuild.On, gobuild.Off:
	default:
		return gobuild.Options{}, fmt.Errorf("the value of Cgo is %q (%s)\nfix: set it to \"auto\", \"on\" or \"off\"", c.Cgo, c.Origin)
	}
	return gobuild.Options{
		CGO: gobuild.CGO(c.Cgo), Tags: c.Tags, LDFlags: c.LDFlags, Symbols: c.Symbols, Flags: c.Flags, Env: c.GoEnv,
	}, nil
}

// target is a platform in the words of the go command's room.
func target(p Platform) gobuild.Target {
	return gobuild.Target{OS: p.OS, Arch: p.Architecture, Variant: p.Variant}
}

func (p *Plan) decideFiles(in Inputs, m gobuild.Module) error {
	c := p.config
	user, err := rootfs.ParseUser(c.User, users(c.Users))
	if err != nil {
		return fmt.Errorf("deciding about the user (%s): %w", c.Origin, err)
	}
	reason := "configured at " + c.Origin
	p.Files = rootfs.Spec{
		Program: p.program(), User: user, Users: users(c.Users), Dir: m.Dir, DataDir: dataDir,
		Files: files(c.Files, reason), Dirs: dirs(slices.Concat(c.Dirs, p.mountPoints()), reason),
		Timezones: c.Timezones, TZ: c.Env["TZ"], GOROOT: m.GOROOT,
		Certificates: rootfs.Certificates{Extra: c.Certificates},
	}
	if err := p.checkPlaces(); err != nil {
		return err
	}
	for _, f := range p.Files.Files {
		p.decided("file", f.From+" → "+f.To, c.Origin)
	}
	for _, d := range p.Files.Dirs {
		p.decided("dir", d.Path, c.Origin)
	}
	bundle, err := rootfs.FindBundle(in.getenv("SSL_CERT_FILE"))
	if err != nil {
		return err
	}
	p.Files.Certificates.Bundle = bundle
	p.decided("certificates", strings.Join(append([]string{bundle}, c.Certificates...), ", "),
		origin(c, len(c.Certificates) > 0, "host"))
	if len(c.Timezones) > 0 || c.Env["TZ"] != "" {
		p.decided("zones", strings.Join(append(slices.Clone(c.Timezones), c.Env["TZ"]), " "), c.Origin)
	}
	return nil
}

// checkPlaces finds what would go wrong only after the program is compiled: another
// thing in its place, and modes that are written like octal numbers and are none.
func (p *Plan) checkPlaces() error {
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
		if path.Clean(l.path) == p.program() {
			return fmt.Errorf("%s (%s) is %s, where the program is\nfix: set Name, which is the program's, to something else", l.what, p.config.Origin, p.program())
		}
		if digits := strconv.FormatUint(uint64(l.mode), 10); octalLike.MatchString(digits) {
			return fmt.Errorf("the mode %s of %s is a decimal number, %#o (%s)\nfix: write 0o%s", digits, l.path, uint32(l.mode), p.config.Origin, digits)
		}
	}
	return nil
}

// octalLike are the decimal numbers that look like the modes of people.
var octalLike = regexp.MustCompile(`^[0-7]?[4-7][0-7][0-7]$`)

// mountPoints are the folders that the image has to have because its config names
// them: the work folder and the volumes, unless they are there anyway.
func (p *Plan) mountPoints() []config.Dir {
	var dirs []config.Dir
	for _, dir := range append([]string{p.config.Workdir}, p.config.Volumes...) {
		dir = path.Clean(dir)
		known := func(other string) bool { return path.Clean(other) == dir }
		if !path.IsAbs(dir) || dir == "/" || dir == "/tmp" || dir == dataDir ||
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

func (p *Plan) decideRuntime(Inputs, gobuild.Module) error {
	c := p.config
	user, err := p.Files.ImageUser()
	if err != nil {
		return fmt.Errorf("deciding about the user (%s): %w", c.Origin, err)
	}
	env := map[string]string{"HOME": user.Home}
	maps.Copy(env, c.Env)
	p.Image = image.Config{
		Platform: p.Platform, Entrypoint: c.Entrypoint, Cmd: c.Cmd,
		User: fmt.Sprintf("%d:%d", user.UID, user.GID), Workdir: cmp.Or(c.Workdir, dataDir),
		Ports: c.Ports, Volumes: c.Volumes, Labels: c.Labels, Healthcheck: healthcheck(c.Healthcheck), StopSignal: c.StopSignal,
		Created: p.Epoch,
	}
	if len(c.Entrypoint) == 0 {
		p.Image.Entrypoint = []string{p.program()}
	}
	for _, key := range slices.Sorted(maps.Keys(env)) {
		p.Image.Env = append(p.Image.Env, key+"="+env[key])
	}
	if p.Image, err = p.Image.Normalise(); err != nil {
		return fmt.Errorf("describing the image (%s): %w", c.Origin, err)
	}
	p.describeRuntime(user)
	return nil
}

// describeRuntime notes the runtime configuration for people.
func (p *Plan) describeRuntime(user rootfs.User) {
	c := p.config
	p.decided("user", fmt.Sprintf("%s (%s)", p.Image.User, user.Name), origin(c, c.User != "", "default"))
	p.decided("workdir", p.Image.Workdir, origin(c, c.Workdir != "", "default"))
	p.decided("entrypoint", fmt.Sprintf("%q", slices.Concat(p.Image.Entrypoint, p.Image.Cmd)), origin(c, len(c.Entrypoint)+len(c.Cmd) > 0, "default"))
	for _, v := range p.Image.Env {
		key, _, _ := strings.Cut(v, "=")
		_, set := c.Env[key]
		p.decided("env", v, origin(c, set, "home of the user"))
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"port", p.Image.Ports}, {"volume", p.Image.Volumes}} {
		for _, v := range list.values {
			p.decided(list.name, v, c.Origin)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		p.decided("label", key+"="+c.Labels[key], c.Origin)
	}
	if c.Healthcheck != nil {
		p.decided("healthcheck", fmt.Sprintf("%q", c.Healthcheck.Test), c.Origin)
	}
	if p.Image.StopSignal != "" {
		p.decided("stop signal", p.Image.StopSignal, c.Origin)
	}
}
