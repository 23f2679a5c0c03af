package ldd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A folder that the loader searches may have glibc-hwcaps/LEVEL folders with the same libraries, built for
// newer CPUs (elf/dl-hwcaps.c, since glibc 2.33). Which one is loaded is known only where the program
// runs. So the program is started once for each level, as far as loading goes: what a CPU of that level
// loads and the baseline does not is a variant.

// hwcapsDir is the part of a variant's path between the searched folder and the level.
const hwcapsDir = "glibc-hwcaps/"

// levelOf returns the level of a folder below a searched one, "" when it is for all CPUs.
func levelOf(sub string) string {
	level, ok := strings.CutPrefix(sub, hwcapsDir)
	if !ok {
		return ""
	}
	return strings.TrimSuffix(level, "/")
}

// variants is what is kept out of the resolution for one CPU level. A variant that does not do is not put
// into the image; there the loader then takes what comes next.
type variants struct {
	excluded map[string]bool // real paths
	left     []Left          // why
}

// errExcluded says that a variant counts as absent.
var errExcluded = errors.New("variant is left out")

// exclude leaves a variant out from now on.
func (v *variants) exclude(real string, why error) error {
	v.excluded[real] = true
	v.left = append(v.left, Left{real, why})
	return errExcluded
}

// excludeVariantOf leaves out the variant because of which something is missing or refused: the one that asked, or
// on whose behalf it was asked. The resolution has to start again then.
func (v *variants) excludeVariantOf(by *loaded, why error) {
	for o := by.Object; o != nil; o = o.NeededBy {
		if o.Level != "" && !v.excluded[o.Real] {
			_ = v.exclude(o.Real, why)
			return
		}
	}
}

// checkLevel says why a file in the folder of a level is none that a CPU of this level could load.
func (f *file) checkLevel(err error, level string) error {
	switch {
	case err != nil:
		return err
	case f.bad != nil:
		return f.bad
	}
	if need := isaLevel(f.isa); need != "" && need > level {
		return fmt.Errorf("it is built for %s and stands in the folder of %s", need, level)
	}
	return nil
}

// addVariants adds what newer CPUs load, level by level from the least one on.
func (r *process) addVariants(ready *process, p Program) error {
	for i := len(r.conf.levels) - 1; i >= 0; i-- {
		q, left, err := ready.resolveAt(r.conf.levels[i:], p)
		if err != nil {
			return err
		}
		r.closure.merge(q, r.conf.levels[i])
		for _, l := range left {
			if !slices.ContainsFunc(r.closure.Left, func(x Left) bool { return x.Name == l.Name }) {
				r.closure.Left = append(r.closure.Left, l)
			}
		}
	}
	return nil
}

// resolveAt lets the program start on a CPU, without the variants that would keep it from doing so.
func (r *process) resolveAt(cpu []string, p Program) (*Closure, []Left, error) {
	excluded := map[string]bool{}
	var left []Left
	for {
		q := r.fork()
		g := newGlibc(q, cpu, excluded)
		err := q.run(g, p)
		left = append(left, g.left...)
		if q.ctx.Err() != nil || len(g.left) == 0 {
			return q.closure, left, err
		}
		// Each turn leaves out at least one file more.
	}
}

// merge takes over what a CPU of a level loads in addition.
func (c *Closure) merge(v *Closure, level string) {
	c.levels = append(c.levels, v)
	for _, o := range v.Objects {
		if same := c.objectAt(o.Real); same != nil {
			same.addPath(o.Links, o.Dirs)
			continue
		}
		if o.Level == "" {
			o.Level = level // brought by a variant
		}
		o.By += ", on CPUs of " + o.Level
		if base, ok := c.named(o.Name, ""); ok {
			o.NeededBy = base.NeededBy
		} else if o.NeededBy != nil {
			o.NeededBy = c.objectAt(o.NeededBy.Real)
		}
		c.Objects = append(c.Objects, o)
	}
	for _, l := range v.lookups {
		if !slices.Contains(c.lookups, l) {
			c.lookups = append(c.lookups, l)
		}
	}
	c.needsConf = c.needsConf || v.needsConf
}

// at returns the object of a real path.
func (c *Closure) objectAt(real string) *Object {
	for _, o := range c.Objects {
		if o.Real == real {
			return o
		}
	}
	return nil
}

// findForNewerCPU returns where a missing library is for newer CPUs, "" when it is nowhere.
func (g *glibc) findForNewerCPU(name string, by *loaded) string {
	if len(g.cpu) > 0 || len(g.conf.levels) == 0 {
		return ""
	}
	defer g.reset(g.mark())
	above := newGlibc(g.process, g.conf.levels, map[string]bool{})
	if c, err := above.find(name, by); err == nil && c != nil {
		return c.name
	}
	return ""
}
