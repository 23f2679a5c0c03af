package gobuild

import (
	"context"
	"fmt"
	"strings"
)

// call is what all go commands for one program share.
type call struct {
	g       Go
	target  Target
	opts    Options
	cgo     CGO      // decided by the options and their flags; Auto leaves it to the packages
	why     string   // reason for cgo On or Off
	env     []string // complete
	vars    map[string]string
	goflags []string // the words of GOFLAGS, also from `go env -w`
}

// settings are the variables of the go command's environment that a call needs. It
// does not have PKG_CONFIG, for which go env would ask the C compiler too.
var settings = []string{"GOFLAGS", "GOTMPDIR", "CC", "CXX", "GOHOSTOS", "GOHOSTARCH", "GOMOD", "GOWORK", "GOROOT", "GOMODCACHE", "GOENV", "CGO_CPPFLAGS"}

// prepare checks target and options and reads the go command's settings, unless they
// are known. cgo is CGO_ENABLED for the commands. If it is nil, the options decide,
// and cgo is on if they do not.
func (g Go) prepare(ctx context.Context, t Target, opts Options, cgo *bool, known map[string]string) (*call, error) {
	t, err := normal(t)
	if err != nil {
		return nil, err
	}
	if err := opts.refuse(); err != nil {
		return nil, err
	}
	c := &call{g: g, target: t, opts: opts, vars: known}
	// The answer of go env does not depend on cgo, but the decision about cgo may
	// depend on the answer: -race in GOFLAGS.
	if c.env, err = g.environ(t, opts, true); err != nil {
		return nil, err
	}
	if c.vars == nil {
		if c.vars, err = g.goEnv(ctx, c.env, settings...); err != nil {
			return nil, err
		}
	}
	c.goflags = split(c.vars["GOFLAGS"])
	if c.cgo, c.why, err = c.mode(); err != nil {
		return nil, err
	}
	if flagValue(c.goflags, "n") == "true" {
		return nil, fmt.Errorf("compiling for %q: GOFLAGS is %q, with -n the go command only shows what it would do\nfix: unset GOFLAGS", t, c.vars["GOFLAGS"])
	}
	enabled := c.cgo != Off
	if cgo != nil {
		enabled = *cgo
	}
	c.env, err = g.environ(t, opts, enabled)
	return c, err
}

// command returns one run of the go command for this program.
func (c *call) command(doing string, args []string) command {
	return command{doing: doing, env: c.env, args: args, flags: c.vars["GOFLAGS"]}
}

// tagFlags returns the -tags flag for go list and go build.
func (c *call) tagFlags() []string {
	if len(c.opts.Tags) == 0 {
		return nil
	}
	return []string{"-tags=" + strings.Join(c.opts.Tags, ",")}
}

// ldflags returns the value of -ldflags, or false to leave the flag out. Flags from
// GOFLAGS stay, as for a plain go build, unless LDFlags replaces them. A value for
// chosen packages ("all=-s") is left alone: nothing can be added to it.
func (c *call) ldflags(extra string) (string, bool) {
	theirs := c.opts.LDFlags
	if theirs == "" {
		theirs = flagValue(c.goflags, "ldflags")
		if theirs != "" && !strings.HasPrefix(theirs, "-") {
			return "", false
		}
	}
	var parts []string
	if !c.opts.Symbols {
		parts = append(parts, "-s -w")
	}
	for _, s := range []string{extra, theirs} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " "), len(parts) > 0
}

// refuse checks Flags for flags that change what is built or where it goes.
func (o Options) refuse() error {
	for _, flag := range o.Flags {
		name, value, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if !strings.HasPrefix(flag, "-") {
			continue
		}
		switch name {
		case "o", "n", "json", "C":
			return fmt.Errorf("compiling with the flag %q: it changes where the program goes\nfix: remove it from Build.Flags", flag)
		case "buildmode":
			if value != "exe" && value != "pie" && value != "default" {
				return fmt.Errorf("compiling with the flag %q: it makes no program\nfix: remove it from Build.Flags, or use -buildmode=pie", flag)
			}
		}
	}
	return nil
}

// flagValue returns the last value of a flag in the words of a go command line:
// "true" for a flag without a value, "" if it is missing.
func flagValue(words []string, name string) string {
	value := ""
	for i, word := range words {
		flag, v, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
		switch {
		case !strings.HasPrefix(word, "-") || flag != name:
		case hasValue:
			value = v
		case name == "ldflags": // the value is the next word
			if i+1 < len(words) {
				value = words[i+1]
			}
		default:
			value = "true"
		}
	}
	return value
}
