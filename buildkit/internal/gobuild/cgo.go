package gobuild

import (
	"fmt"
	"slices"
	"strings"
)

// CgoDecision says whether a program is compiled with cgo, and why.
type CgoDecision struct {
	Enabled  bool
	Packages []string // import paths of packages that need it, sorted; also set when cgo is On
	Why      string   // for people: `"example.com/zip" uses cgo (imported by "example.com/app")`

	// Placed reports that the build ID would depend on the source's folder.
	Placed bool
}

// mode returns what the options say about cgo, from their CGO, CGO_ENABLED in their
// Env, and flags that need cgo; Auto if nothing decides it.
func (c *call) mode() (CGO, string, error) {
	mode, why := c.opts.CGO, ""
	switch mode {
	case "", Auto:
		mode = Auto
	case On, Off:
		why = fmt.Sprintf("Build.Cgo is %q", mode)
	default:
		return "", "", fmt.Errorf("deciding about cgo: Build.Cgo is %q\nfix: set Build.Cgo to \"auto\", \"on\" or \"off\"", mode)
	}
	if value, ok := c.opts.Env["CGO_ENABLED"]; ok {
		theirs := map[string]CGO{"0": Off, "1": On}[value]
		if theirs == "" || mode != Auto && mode != theirs {
			return "", "", fmt.Errorf("deciding about cgo: Build.Env has CGO_ENABLED=%q and Build.Cgo is %q\nfix: remove CGO_ENABLED from Build.Env and use Build.Cgo", value, mode)
		}
		mode, why = theirs, fmt.Sprintf("Build.Env has CGO_ENABLED=%q", value)
	}
	if flag := c.cgoFlag(); flag != "" {
		if mode == Off {
			return "", "", fmt.Errorf("deciding about cgo: the flag %s needs cgo, and %s\nfix: set Build.Cgo to \"auto\", or remove the flag", flag, why)
		}
		if mode == Auto {
			mode, why = On, "the flag "+flag+" needs cgo"
		}
	}
	return mode, why, nil
}

// cgoFlag returns a flag that the go command refuses without cgo, "" if there is none:
// the sanitizers' runtimes are C, and the C compiler does the external link.
func (c *call) cgoFlag() string {
	words := slices.Concat(c.goflags, c.opts.Flags)
	for _, name := range []string{"race", "msan", "asan"} {
		if v := flagValue(words, name); v != "" && v != "false" && v != "0" {
			return "-" + name
		}
	}
	// The last -ldflags counts, LDFlags before Flags.
	ld, _ := c.ldflags("")
	if v := flagValue(c.opts.Flags, "ldflags"); v != "" {
		ld = v
	}
	ld = strings.ReplaceAll(ld, "--", "-")
	if strings.Contains(ld, "-linkmode=external") || strings.Contains(ld, "-linkmode external") {
		return "-linkmode=external"
	}
	return ""
}

// decide decides about cgo for one main.
func (c *call) decide(gr *graph, root *pkg) CgoDecision {
	d := CgoDecision{Enabled: c.cgo == On, Why: c.why}
	if c.cgo == Off {
		return d
	}
	order, from := gr.closure(root)
	var first *pkg
	for _, p := range order {
		d.Placed = d.Placed || isPlaced(p, p == root)
		if p.cgoReason() != "" {
			d.Packages = append(d.Packages, p.ImportPath)
			if first == nil {
				first = p // the nearest one is the best explanation
			}
		}
	}
	slices.Sort(d.Packages)
	switch {
	case d.Enabled:
	case first == nil:
		d.Why = "no package outside the standard library needs cgo"
	default:
		d.Enabled = true
		d.Why = fmt.Sprintf("%q %s", first.ImportPath, first.cgoReason()) + chain(first, from)
	}
	return d
}

// cgoReason returns why a package needs cgo, "" if it does not.
func (p *pkg) cgoReason() string {
	switch {
	case p.Standard:
		// Without cgo, GOEXPERIMENT=boringcrypto would silently use plain Go
		// crypto. Every other package of the library has a Go variant.
		if p.ImportPath == "crypto/internal/boring" && len(p.CgoFiles) > 0 {
			return "is BoringCrypto, which is C"
		}
	case len(p.CgoFiles) > 0:
		return "uses cgo"
	case len(p.SwigFiles)+len(p.SwigCXXFiles) > 0:
		return "uses SWIG"
	case slices.Contains(p.Imports, "plugin"):
		return `imports "plugin", which needs cgo`
	case slices.Contains(p.Imports, "runtime/cgo"):
		return `imports "runtime/cgo"`
	}
	return ""
}

// chain returns the importers between a package and the main, for the end of a sentence.
func chain(p *pkg, from map[*pkg]*pkg) string {
	var way []string
	for p = from[p]; p != nil; p = from[p] {
		way = append(way, fmt.Sprintf("%q", p.ImportPath))
	}
	if len(way) == 0 {
		return ""
	}
	return " (imported by " + strings.Join(way, ", by ") + ")"
}

// isPlaced reports whether the package's folder is part of the program's build ID.
// The ID depends on the linker flags of every package and on the other C flags of
// the main. go list shows them with ${SRCDIR} and relative paths filled in.
func isPlaced(p *pkg, main bool) bool {
	flags := p.CgoLDFLAGS
	if main {
		flags = slices.Concat(flags, p.CgoCPPFLAGS, p.CgoCFLAGS, p.CgoCXXFLAGS, p.CgoFFLAGS)
	}
	return !p.Standard && slices.ContainsFunc(flags, func(flag string) bool { return strings.Contains(flag, p.Dir) })
}
