package gobuild

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// CommandLine is what Build has the go command do, for somebody else to do it elsewhere.
type CommandLine struct {
	// Args of the go command, "build" first, without -o and the package.
	Args []string
	// Env is what has to be set beside GOOS, GOARCH and its level: CGO_ENABLED, the variables of the Options,
	// and what of the surrounding GOFLAGS changes a program.
	Env []string
	// Private is GOPRIVATE, the modules that are fetched without a proxy; it is not in Env.
	Private string
}

// CommandLine returns what Build would run for a request; it runs nothing but `go env`. CC is in the Env only where
// the Options name one.
func (g Go) CommandLine(ctx context.Context, r Request) (CommandLine, error) {
	c, err := g.prepare(ctx, r.Target, r.Options, &r.Main.Cgo.Enabled, r.Main.Settings)
	if err != nil {
		return CommandLine{}, err
	}
	line := CommandLine{Args: c.buildArgs(r.Main.Cgo), Env: []string{"CGO_ENABLED=" + zeroOne(r.Main.Cgo.Enabled)}}
	if key, value := level(c.target); r.Target.Variant != "" && r.Options.Env[key] == "" {
		line.Env = append(line.Env, key+"="+value)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Options.Env)) {
		switch key {
		case "CGO_ENABLED", "GOOS", "GOARCH", "GOFLAGS", "GOPRIVATE": // part of the decision, of the target, and of what follows
		default:
			line.Env = append(line.Env, key+"="+r.Options.Env[key])
		}
	}
	if flags := c.tellingFlags(); len(flags) > 0 {
		line.Env = append(line.Env, "GOFLAGS="+strings.Join(flags, " "))
	}
	private, err := g.goEnv(ctx, c.env, "GOPRIVATE")
	if err != nil {
		return CommandLine{}, err
	}
	line.Private = private["GOPRIVATE"]
	return line, nil
}

// buildArgs are the words of go build that decide what is built.
func (c *call) buildArgs(d CgoDecision) []string {
	args := slices.Concat([]string{"build", "-trimpath", "-buildvcs=false"}, c.tagFlags())
	if ld, ok := c.ldflags(buildID(d)); ok {
		args = append(args, "-ldflags="+ld)
	}
	return append(args, c.opts.Flags...)
}

// tellingFlags are the words of GOFLAGS that change a program and are not in our arguments.
func (c *call) tellingFlags() []string {
	var kept []string
	for _, word := range c.goflags {
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch name {
		case "a", "buildvcs", "json", "ldflags", "mod", "modcacherw", "p", "trimpath", "v", "work", "x":
		case "tags":
			if len(c.opts.Tags) == 0 {
				kept = append(kept, word)
			}
		default:
			kept = append(kept, word)
		}
	}
	return kept
}
