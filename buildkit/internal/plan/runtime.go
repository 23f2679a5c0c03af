package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// decideRuntime decides how the image is run.
func (p *planner) decideRuntime() error {
	c := p.config
	user, err := p.Files.ImageUser()
	if err != nil {
		return fmt.Errorf("deciding about the user (%s): %w", c.Origin, err)
	}
	env := map[string]string{"HOME": user.Home}
	maps.Copy(env, c.Env)
	health, err := healthcheck(c.Healthcheck)
	if err != nil {
		return fmt.Errorf("deciding about the health check (%s): %w", c.Origin, err)
	}
	if health != nil {
		p.Probe = c.Healthcheck.Probe
	}
	p.Config = image.Config{
		Platform: p.Platform, Entrypoint: c.Entrypoint, Cmd: c.Cmd,
		User: fmt.Sprintf("%d:%d", user.UID, user.GID), Workdir: cmp.Or(c.Workdir, DataDir),
		Ports: c.Ports, Volumes: c.Volumes, Labels: c.Labels, Healthcheck: health, StopSignal: c.StopSignal,
		Created: p.Config.Created,
	}
	if len(c.Entrypoint) == 0 {
		p.Config.Entrypoint = []string{p.Program()}
	}
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if strings.Contains(key, "=") {
			return fmt.Errorf("setting the variable %q of Env (%s): the name has a \"=\", and the text after it would become the value\nfix: write {%q: …}", key, c.Origin, strings.SplitN(key, "=", 2)[0])
		}
		p.Config.Env = append(p.Config.Env, key+"="+env[key])
	}
	if p.Base != nil {
		p.Config = p.Base.Image.Inherit(p.Config)
	}
	if p.Config, err = p.Config.Normalise(); err != nil {
		return fmt.Errorf("describing the image (%s): %w", c.Origin, err)
	}
	p.describeRuntime(user)
	return nil
}

// describeRuntime notes the runtime configuration for people.
func (p *planner) describeRuntime(user rootfs.User) {
	c := p.config
	p.decided("user", fmt.Sprintf("%s (%s)", p.Config.User, user.Name), origin(c, c.User != "", p.userOrigin()))
	if p.Files.Capabilities != 0 {
		p.decided("capabilities", p.Files.Capabilities.String(), c.Origin)
	}
	p.decided("workdir", p.Config.Workdir, origin(c, c.Workdir != "", "default"))
	p.decided("entrypoint", fmt.Sprintf("%q", slices.Concat(p.Config.Entrypoint, p.Config.Cmd)), origin(c, len(c.Entrypoint)+len(c.Cmd) > 0, "default"))
	for _, v := range p.Config.Env {
		key, value, _ := strings.Cut(v, "=")
		_, set := c.Env[key]
		if key == "HOME" && !set { // set by fromscratch
			p.decidedAs("env", v, p.envOrigin(key), Public{Value: key, Origin: p.envOrigin(key)})
			continue
		}
		p.decidedVariable("env", key, value, origin(c, set, p.envOrigin(key)))
	}
	for _, list := range []struct {
		name   string
		values []string
		own    func(string) bool
	}{{"port", p.Config.Ports, p.ownPort}, {"volume", p.Config.Volumes, p.ownVolume}} {
		for _, v := range list.values {
			p.decided(list.name, v, origin(c, p.Base == nil || list.own(v), p.baseOrigin()))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		p.decided("label", key+"="+c.Labels[key], c.Origin)
	}
	if c.Healthcheck != nil {
		p.decided("healthcheck", fmt.Sprintf("%q", p.Config.Healthcheck.Test), c.Origin)
	}
	if p.Config.StopSignal != "" {
		p.decided("stop signal", p.Config.StopSignal, origin(c, c.StopSignal != "", p.baseOrigin()))
	}
}
