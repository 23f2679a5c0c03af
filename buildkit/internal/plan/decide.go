package plan

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Facts is the input for the decisions about an image: its Config, and what was found for it.
type Facts struct {
	Config config.Config
	Index  int               // of the Config
	Name   string            // of the image
	Main   gobuild.Main      // the package; zero with a Binary
	Binary string            // a finished program, absolute
	Of     int               // how many platforms the image has
	For    platform.Platform // the platform of this image
	From   string            // the setting that chose it

	Module gobuild.Module // as seen by the go command of this machine
	Inside gobuild.Module // as seen by the go command that compiles
	Host   gobuild.Go     // the go command of this machine
	Go     gobuild.Go     // the one that compiles

	Builder *builder.Builder // nil compiles on this machine
	Bundle  string           // certificates of the builder, "" for none
	Zones   string           // a GOROOT with the time zones of the builder's Go

	Base    *base.Base // nil is scratch
	BaseErr error      // why the base was not found

	Getenv func(string) string // looks a variable up
}

// Fields splits the value of a variable with several names, such as IMAGE_NAME, at commas and spaces.
func Fields(value string) []string {
	return strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' })
}

// New decides everything about one image. A mistake of the user is a [*report.ConfigError].
func New(f Facts) (Image, error) {
	c := f.Config
	p := planner{config: c, getenv: f.Getenv, goroot: f.Module.GOROOT, Image: Image{
		Name: f.Name, Root: f.Module.Dir, Main: f.Main, Binary: f.Binary, Platform: f.For, Origin: c.Origin, Listed: c.Main == "" && f.Binary == "",
		Libraries: Libraries{Sysroot: c.Sysroot, Names: c.Libraries, Plugins: c.Plugins, Exclude: c.Exclude, CPUVariants: c.CPUVariants},
		Supply:    Supply{Licences: c.Licenses, Attestations: !c.Push.NoAttestations}, Hooks: Hooks{Before: c.Build.Before != nil, After: c.Build.After},
		Index: f.Index, Of: f.Of, From: f.From, Module: f.Module, Inside: f.Inside, Host: f.Host, Go: f.Go, Builder: f.Builder, Bundle: f.Bundle,
		Base: f.Base, baseErr: f.BaseErr,
	}}
	if c.Base != NoBase {
		p.BaseName = c.Base
	}
	if f.Builder != nil {
		p.goroot = f.Zones
	}
	for _, decide := range []func() error{
		p.decideProgram, p.decidePlatform, p.decideCompiler, p.decideName, p.decideReference, p.decideDelivery, p.decideEpoch, p.decideCompile,
		p.decideBase, p.decideLibraries, p.decideFiles, p.decideRuntime, p.decideSupply, p.decideCheck,
	} {
		if err := decide(); err != nil {
			return Image{}, &report.ConfigError{Err: err}
		}
	}
	return p.Image, nil
}

// planner is an Image under construction.
type planner struct {
	Image
	config config.Config
	getenv func(string) string
	goroot string // has the time zones
}

// decideProgram notes what the program is made from, which is already known.
func (p *planner) decideProgram() error {
	if p.Binary != "" {
		p.decidedPath("binary", p.Binary, p.Origin)
	} else {
		p.decided("main", p.Main.ImportPath, origin(p.config, p.config.Main != "", "discovered"))
	}
	return nil
}

// decideCompiler notes the builder, if there is one.
func (p *planner) decideCompiler() error {
	switch {
	case p.Builder != nil:
		p.decideBuilder(p.Builder.Host())
	case len(p.config.Build.Lend) > 0:
		return fmt.Errorf("the Config (%s) has Build.Lend and no Build.Container\nfix: set Build.Container, or leave Build.Lend out", p.Origin)
	case len(p.config.Build.Engines) > 0:
		return fmt.Errorf("the Config (%s) has Build.Engines and no Build.Container\nfix: set Build.Container to the image that compiles on them", p.Origin)
	}
	return nil
}

// decidePlatform notes the platform, which is already chosen.
func (p *planner) decidePlatform() error {
	pub := Public{Value: p.Platform.String()}
	if p.From == p.Origin || strings.HasPrefix(p.From, "env ") {
		pub.Origin = p.From // other origins name an engine or machine, and an address may have a user's name
	}
	p.decidedAs("platform", p.Platform.String(), p.From, pub)
	return nil
}

// decideBuilder notes the builder at an engine's address, and what it was lent.
func (p *planner) decideBuilder(host string) {
	// The digest of the builder is among the materials of the image.
	p.decidedAs("container", p.Builder.Name()+", "+p.Inside.GoVersion+", at "+host, p.Origin, Public{Value: p.Builder.Ref, Origin: p.Origin})
	if what, why := p.Builder.Lent(); what != "" {
		p.decidedAs("lent", what, why, Public{Hidden: true}) // it shows which logins a user has
	}
}

// decided notes a value for people, without the logins of addresses.
func (p *planner) decided(name, value, origin string) {
	p.decidedAs(name, value, origin, Public{Value: value, Origin: origin})
}

// decidedAs is like decided, for a value with another public form.
func (p *planner) decidedAs(name, value, origin string, pub Public) {
	pub.Value, pub.Origin = plaintext.HideLogins(pub.Value), p.portable(pub.Origin)
	p.Values = append(p.Values, Value{name, plaintext.HideLogins(value), origin, pub})
}

// decidedPath is like decided, for a value that begins with a path of this machine.
func (p *planner) decidedPath(name, value, origin string) {
	told := origin
	if told == "host" { // no setting decided it
		told = ""
	}
	p.decidedAs(name, value, origin, Public{Value: p.portable(value), Origin: told})
}

// decidedVariable notes a variable for people. Its value may be a secret, and many people read plans in logs, so it is only
// shown with IMAGE_SHOW_VALUES=1. The image's configuration has the value.
func (p *planner) decidedVariable(name, key, value, origin string) {
	shown := key
	if p.getenv("IMAGE_SHOW_VALUES") == "1" {
		shown += "=" + value
	}
	p.decidedAs(name, shown, origin, Public{Value: key, Origin: origin})
}

// portable returns a text that begins with a path, without the folder of the module or the user's home: these differ
// between machines.
func (p *planner) portable(text string) string {
	if rest, ok := strings.CutPrefix(text, p.Root+string(filepath.Separator)); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(text, p.getenv("HOME")+string(filepath.Separator)); ok && p.getenv("HOME") != "" {
		return "~/" + rest
	}
	return text
}

// origin returns the origin of a value: the Config's if it is set there, else otherwise.
func origin(c config.Config, set bool, otherwise string) string {
	if set {
		return c.Origin
	}
	return otherwise
}

// NameOf returns the image's name: the Config's, else the program's.
func NameOf(c config.Config, m gobuild.Main) string { return cmp.Or(c.Name, m.Name) }

// nameRule matches names that are safe as file names: the program gets the name.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)

// systemNames are folders of the root that images have, or that a container's
// runtime mounts (https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#default-filesystems).
var systemNames = []string{"data", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "root", "sys", "tmp", "usr"}

func (p *planner) decideName() error {
	from := origin(p.config, p.config.Name != "", "discovered")
	if !nameRule.MatchString(p.Name) {
		return fmt.Errorf("the name %q (%s) cannot be a program's\nfix: set Name to letters, digits, \"-\", \"_\" and \".\"", p.Name, from)
	}
	if slices.Contains(systemNames, p.Name) {
		return fmt.Errorf("the program would be /%s (%s), which is a folder in the image\nfix: set Name to something else", p.Name, from)
	}
	if p.config.Program != "" {
		if err := p.checkProgram(p.config.Program); err != nil {
			return err
		}
		p.Files.Program, from = p.config.Program, p.Origin
	}
	p.decided("program", p.Program(), from)
	return nil
}

// checkProgram checks the path of the program.
func (p *planner) checkProgram(name string) error {
	switch {
	case !path.IsAbs(name) || path.Clean(name) != name || name == "/" || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("the Program %q (%s) is no path of a file in the image\nfix: write it like %q", name, p.Origin, "/"+p.Name)
	case slices.Contains(systemNames, name[1:]):
		return fmt.Errorf("the program would be %s (%s), which is a folder in the image\nfix: set Program to something else", name, p.Origin)
	}
	return nil
}

// notInRepository are the characters that a repository's name cannot have
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
var notInRepository = regexp.MustCompile(`[^a-z0-9]+`)

func (p *planner) decideReference() error {
	c := p.config
	repo, repoFrom := strings.Trim(notInRepository.ReplaceAllString(strings.ToLower(p.Name), "-"), "-"), "default"
	if c.Repo != "" {
		repo, repoFrom = c.Repo, c.Origin
	}
	if env := p.getenv("IMAGE_REPO"); env != "" {
		repo, repoFrom = env, "env IMAGE_REPO"
	}
	tag, tagFrom := Tags(c, p.getenv)[0], "default"
	if len(c.Tags) > 0 || c.TagSuffix != "" {
		tagFrom = c.Origin
	}
	if p.getenv("IMAGE_TAG") != "" {
		tagFrom = "env IMAGE_TAG"
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

// Tags returns the tags of an image, at least one: those of the Config, or IMAGE_TAG instead of the first, with the suffix.
func Tags(c config.Config, getenv func(string) string) []string {
	tags := []string{"latest"}
	if len(c.Tags) > 0 {
		tags = nil
	}
	for _, tag := range c.Tags {
		tags = append(tags, string(tag))
	}
	if env := getenv("IMAGE_TAG"); env != "" {
		tags[0] = env
	}
	for i := range tags {
		tags[i] += c.TagSuffix
	}
	return tags
}

// maxEpoch is the last second that an image's configuration can have (https://www.rfc-editor.org/rfc/rfc3339#section-1).
const maxEpoch = 253402300799

// decideEpoch takes the time of every file from SOURCE_DATE_EPOCH, whole seconds
// since 1970 (https://reproducible-builds.org/specs/source-date-epoch/).
func (p *planner) decideEpoch() error {
	p.Epoch = time.Unix(0, 0).UTC()
	from := "default"
	if s := p.getenv("SOURCE_DATE_EPOCH"); s != "" {
		seconds, err := strconv.ParseInt(s, 10, 64)
		if err != nil || seconds < 0 || seconds > maxEpoch {
			return fmt.Errorf("SOURCE_DATE_EPOCH is %q, not seconds since 1970 until the year 9999\nfix: set it to a number, or unset it", s)
		}
		p.Epoch, from = time.Unix(seconds, 0).UTC(), "env SOURCE_DATE_EPOCH"
	}
	p.decided("time", p.Epoch.Format(time.RFC3339), from)
	p.Config.Created = p.Epoch
	if p.config.Created == "" {
		return nil
	}
	if p.getenv("SOURCE_DATE_EPOCH") != "" {
		return nil // it dates everything
	}
	created, err := time.Parse(time.RFC3339, p.config.Created)
	if err != nil || created.Unix() < 0 || created.Unix() > maxEpoch {
		return fmt.Errorf("the value of Created is %q (%s)\nfix: set it to targets.CommitTime, or to a time like \"2026-01-02T15:04:05Z\"", p.config.Created, p.Origin)
	}
	p.Config.Created = created.UTC()
	p.decided("created", p.Config.Created.Format(time.RFC3339), p.Origin)
	return nil
}

func (p *planner) decideCompile() error {
	if p.Binary != "" {
		return nil
	}
	options, err := CompileOptions(p.config, p.Platform)
	if err != nil {
		return err
	}
	p.Compile = options
	cgo := "off"
	if p.Main.Cgo.Enabled {
		cgo = "on"
	}
	p.decided("cgo", cgo, p.Main.Cgo.Why)
	p.decided("go build", Flags(options), origin(p.config,
		len(options.Tags)+len(options.Flags)+len(options.LDFlags) > 0 || options.Symbols, "default"))
	for _, key := range slices.Sorted(maps.Keys(options.Env)) {
		p.decidedVariable("go env", key, options.Env[key], p.Origin)
	}
	for _, secret := range p.config.Build.Secrets {
		name, _, _ := strings.Cut(secret, "=")
		p.decidedAs("secret", name, p.Origin, Public{Hidden: true})
	}
	return nil
}

// Flags returns the flags of the go command, for people.
func Flags(o gobuild.Options) string {
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

// CompileOptions returns the options of a Config for package gobuild.
func CompileOptions(c config.Config, p platform.Platform) (gobuild.Options, error) {
	switch gobuild.CGO(c.Build.Cgo) {
	case "", gobuild.Auto, gobuild.On, gobuild.Off:
	default:
		return gobuild.Options{}, fmt.Errorf("the value of Build.Cgo is %q (%s)\nfix: set it to \"auto\", \"on\" or \"off\"", c.Build.Cgo, c.Origin)
	}
	env, err := platformEnv(c, p)
	return gobuild.Options{
		CGO: gobuild.CGO(c.Build.Cgo), Tags: c.Build.Tags, LDFlags: c.Build.LDFlags, Symbols: c.Build.Symbols, Flags: c.Build.Flags, Env: env,
	}, err
}

// platformEnv returns Build.Env with the Build.EnvFor of a platform.
func platformEnv(c config.Config, p platform.Platform) (map[string]string, error) {
	env := maps.Clone(c.Build.Env)
	for _, name := range slices.Sorted(maps.Keys(c.Build.EnvFor)) {
		named, err := platform.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("reading Build.EnvFor (%s): %w", c.Origin, err)
		}
		if !platform.Same(named, p) {
			continue
		}
		if env == nil {
			env = map[string]string{}
		}
		maps.Copy(env, c.Build.EnvFor[name])
	}
	return env, nil
}
