package gobuild

import (
	"context"
	"fmt"
	"strings"
)

// call is what every go command for one program shares.
type call struct {
	g       Go
	target  Target
	opts    Options
	cgo     CGO      // decided by the options and their flags; Auto when it is up to the packages
	why     string   // for cgo On or Off
	env     []string // complete
	vars    map[string]string
	goflags []string // the words of GOFLAGS, also those of `go env -w`
}

// settings are the variables of the go command's environment that a call needs. Not
// PKG_CONFIG: for that, go env asks the C compiler as well.
var settings = []string{"GOFLAGS", "GOTMPDIR", "CC", "CXX", "GOHOSTOS", "GOHOSTARCH", "GOMOD", "GOWORK", "GOROOT", "GOMODCACHE", "GOENV", "CGO_CPPFLAGS"}

// prepare checks target and options and reads the go command's settings, unless they
// are known. cgo is CGO_ENABLED for the commands; nil: as the options decide, on when
// they do not.
func (g Go) prepare(ctx context.Context, t Target, opts Options, cgo *bool, known map[string]string) (*call, error) {
	t, err := normal(t)
	if err != nil {
		return nil, err
	}
	if err := opts.refuse(); err != nil {
		return nil, err
	}
	c := &call{g: g, target: t, opts: opts, vars: known}
	// What go env answers does not depend on cgo, but the decision may depend
	// on what it answers: -race in GOFLAGS.
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

// command is one run for this program.
func (c *call) command(doing string, args []string) command {
	return command{doing: doing, env: c.env, args: args, flags: c.vars["GOFLAGS"]}
}

// tagFlags are our flags that go list and go build share.
func (c *call) tagFlags() []string {
	if len(c.opts.Tags) == 0 {
		return nil
	}
	return []string{"-tags=" + strings.Join(c.opts.Tags, ",")}
}

// ldflags is the value of -ldflags, false to leave the flag out. Flags that come
// by GOFLAGS stay, as they would for a plain go build, unless LDFlags replaces
// them; a value for chosen packages ("all=-s") cannot be added to, so it stands
// alone.
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

// refuse checks Flags for what would take the result out of our hands.
func (o Options) refuse() error {
	for _, flag := range o.Flags {
		name, value, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if !strings.HasPrefix(flag, "-") {
			continue
		}
		switch name {
		case "o", "n", "json", "C":
			return fmt.Errorf("compiling with the flag %q: it changes where the program goes\nfix: remove it from Flags", flag)
		case "buildmode":
			if value != "exe" && value != "pie" && value != "default" {
				return fmt.Errorf("compiling with the flag %q: it makes no program\nfix: remove it from Flags, or use -buildmode=pie", flag)
			}
		}
	}
	return nil
}

// flagValue is the last value of a flag in words of a go command line: "true"
// for one without a value, "" when it is not there.
func flagValue(words []string, name string) string {
	value := ""
	for i, word := range words {
		flag, v, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
		switch {
		case !strings.HasPrefix(word, "-") || flag != name:
		case hasValue:
			value = v
		case name == "ldflags": // no switch: the value is the next word
			if i+1 < len(words) {
				value = words[i+1]
			}
		default:
			value = "true"
		}
	}
	return value
}
