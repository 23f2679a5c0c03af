package gobuild

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// CommandLine is the go command that Build runs, for use in another place such as a Dockerfile.
type CommandLine struct {
	// Args of the go command, "build" first, without -o and the package.
	Args []string
	// Env has the variables to set besides GOOS, GOARCH and its level: CGO_ENABLED, the variables of the Options,
	// and the part of GOFLAGS that changes a program.
	Env []string
	// Private is GOPRIVATE, the modules that are fetched without a proxy. It is not in Env.
	Private string
}

// CommandLine returns the command that Build would run for a request. It only runs `go env`. CC is in the Env only if
// the Options set it.
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
		case "CGO_ENABLED", "GOOS", "GOARCH", "GOFLAGS", "GOPRIVATE": // set elsewhere
		default:
			line.Env = append(line.Env, key+"="+r.Options.Env[key])
		}
	}
	if flags := c.relevantFlags(); len(flags) > 0 {
		line.Env = append(line.Env, "GOFLAGS="+strings.Join(flags, " "))
	}
	private, err := g.goEnv(ctx, c.env, "GOPRIVATE")
	if err != nil {
		return CommandLine{}, err
	}
	line.Private = private["GOPRIVATE"]
	return line, nil
}

// buildArgs returns the arguments of go build that decide what is built.
func (c *call) buildArgs(d CgoDecision) []string {
	args := slices.Concat([]string{"build", "-trimpath", "-buildvcs=false"}, c.tagFlags())
	if ld, ok := c.ldflags(buildID(d)); ok {
		args = append(args, "-ldflags="+ld)
	}
	return append(args, c.opts.Flags...)
}

// relevantFlags returns the words of GOFLAGS that change a program and are not in buildArgs.
func (c *call) relevantFlags() []string {
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
