package buildkit

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// plan decides everything about one image.
func (in Inputs) plan(m gobuild.Module, s subject) (Plan, error) {
	c := s.config
	p := planner{config: c, home: in.getenv("HOME"), Plan: Plan{
		Name: s.name, Root: m.Dir, Main: s.main, Binary: s.binary, Platform: s.platform, Origin: c.Origin, Listed: c.Main == "" && s.binary == "",
		Libraries: Libraries{Sysroot: c.Sysroot, Names: c.Libraries, Plugins: c.Plugins, Exclude: c.Exclude, CPUVariants: c.CPUVariants},
		Supply:    Supply{Licences: c.Licenses, Annotate: c.Annotate, Bare: c.Bare}, Hooks: Hooks{Before: c.Before != nil, After: c.After},
		index: s.index, of: s.of, from: s.from, module: m, inside: s.module, host: in.gocmdIn(m), gocmd: s.gocmd, builder: s.builder, bundle: s.bundle,
		base: s.base, baseErr: s.baseErr,
	}}
	if c.Base != noBase {
		p.BaseName = c.Base
	}
	if s.builder != nil {
		m.GOROOT, m.GoVersion, m.HostOS, m.HostArch = s.zones, s.module.GoVersion, s.module.HostOS, s.module.HostArch
	}
	if s.binary != "" {
		p.decidedPath("binary", s.binary, c.Origin)
	} else {
		p.decided("main", s.main.ImportPath, origin(s.config, s.config.Main != "", "discovered"))
	}
	p.decidePlatform()
	if s.builder != nil {
		p.decideBuilder(s.builder.Host())
	} else if len(c.Lend) > 0 {
		return Plan{}, &ConfigError{Err: fmt.Errorf("the Config (%s) has Lend and no Builder\nfix: set Builder, or leave Lend out", c.Origin)}
	} else if len(c.Builders) > 0 {
		return Plan{}, &ConfigError{Err: fmt.Errorf("the Config (%s) has Builders and no Builder\nfix: set Builder to the image that compiles on them", c.Origin)}
	}
	for _, decide := range []func(Inputs, gobuild.Module) error{
		p.decideName, p.decideReference, p.decideDelivery, p.decideEpoch, p.decideCompile, p.decideBase, p.decideLibraries, p.decideFiles, p.decideRuntime, p.decideSupply,
	} {
		if err := decide(in, m); err != nil {
			return Plan{}, &ConfigError{Err: err}
		}
	}
	return p.Plan, nil
}

// planner is a Plan in the making.
type planner struct {
	Plan
	config Config
	home   string // folder of the user
}

// decidePlatform notes the platform, which was chosen before.
func (p *planner) decidePlatform() {
	pub := public{value: p.Platform.String()}
	if p.from == p.Origin || strings.HasPrefix(p.from, "env ") {
		pub.origin = p.from // else it is another engine or machine for everybody, and an address may have a user's name
	}
	p.decidedAs("platform", p.Platform.String(), p.from, pub)
}

// decideBuilder notes the builder at an engine's address, and what it was lent.
func (p *planner) decideBuilder(host string) {
	// What the name stands for is among what the image was built from.
	p.decidedAs("builder", p.builder.Name()+", "+p.inside.GoVersion+", at "+host, p.Origin, public{value: p.builder.Ref, origin: p.Origin})
	if what, why := p.builder.Lent(); what != "" {
		p.decidedAs("lent", what, why, public{hidden: true}) // which logins a user has
	}
}

// decided notes a value for people, without the logins of addresses.
func (p *planner) decided(name, value, origin string) {
	p.decidedAs(name, value, origin, public{value: value, origin: origin})
}

// decidedAs is decided for a value that is told to others in another way.
func (p *planner) decidedAs(name, value, origin string, pub public) {
	pub.value, pub.origin = plaintext.HideLogins(pub.value), p.portable(pub.origin)
	p.Values = append(p.Values, Value{name, plaintext.HideLogins(value), origin, pub})
}

// decidedPath is decided for a value that begins with a path of this machine.
func (p *planner) decidedPath(name, value, origin string) {
	told := origin
	if told == "host" { // nobody has said it
		told = ""
	}
	p.decidedAs(name, value, origin, public{value: p.portable(value), origin: told})
}

// decidedVariable notes a variable for people: plans are read in logs by many, so that its value, which may be a secret, is
// shown only if IMAGE_SHOW_VALUES=1 asks for it. That of the image is in its configuration.
func (p *planner) decidedVariable(in Inputs, name, key, value, origin string) {
	shown := key
	if in.getenv("IMAGE_SHOW_VALUES") == "1" {
		shown += "=" + value
	}
	p.decidedAs(name, shown, origin, public{value: key, origin: origin})
}

// portable is a text that begins with a path, without the folder of the module or that of the user: these are others on
// every machine.
func (p *planner) portable(text string) string {
	if rest, ok := strings.CutPrefix(text, p.Root+string(filepath.Separator)); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(text, p.home+string(filepath.Separator)); ok && p.home != "" {
		return "~/" + rest
	}
	return text
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

func (p *planner) decideName(Inputs, gobuild.Module) error {
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

func (p *planner) decideReference(in Inputs, _ gobuild.Module) error {
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
func (p *planner) decideEpoch(in Inputs, _ gobuild.Module) error {
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

func (p *planner) decideCompile(in Inputs, _ gobuild.Module) error {
	if p.Binary != "" {
		return nil
	}
	options, err := compileOptions(p.config, p.Platform)
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
		p.decidedVariable(in, "go env", key, options.Env[key], p.config.Origin)
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
func compileOptions(c Config, p Platform) (gobuild.Options, error) {
	switch gobuild.CGO(c.Cgo) {
	case "", gobuild.Auto, gobuild.On, gobuild.Off:
	default:
		return gobuild.Options{}, fmt.Errorf("the value of Cgo is %q (%s)\nfix: set it to \"auto\", \"on\" or \"off\"", c.Cgo, c.Origin)
	}
	env, err := platformEnv(c, p)
	return gobuild.Options{
		CGO: gobuild.CGO(c.Cgo), Tags: c.Tags, LDFlags: c.LDFlags, Symbols: c.Symbols, Flags: c.Flags, Env: env,
	}, err
}

// platformEnv is GoEnv with what PlatformEnv says for a platform.
func platformEnv(c Config, p Platform) (map[string]string, error) {
	env := maps.Clone(c.GoEnv)
	for _, name := range slices.Sorted(maps.Keys(c.PlatformEnv)) {
		named, err := platform.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("reading PlatformEnv (%s): %w", c.Origin, err)
		}
		if !platform.Same(named, p) {
			continue
		}
		if env == nil {
			env = map[string]string{}
		}
		maps.Copy(env, c.PlatformEnv[name])
	}
	return env, nil
}
