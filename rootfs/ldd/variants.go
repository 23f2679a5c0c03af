package ldd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A folder that the loader searches may have glibc-hwcaps/LEVEL folders with the same libraries, built for
// newer CPUs (elf/dl-hwcaps.c, since glibc 2.33). Which one is loaded depends on the CPU that runs the program.
// So the program is resolved once for each level: the libraries that a CPU of that level loads and the baseline
// does not are variants.

// hwcapsDir is the part of a variant's path between the searched folder and the level.
const hwcapsDir = "glibc-hwcaps/"

// levelOf returns the level of a subfolder, "" if it is for all CPUs.
func levelOf(sub string) string {
	level, ok := strings.CutPrefix(sub, hwcapsDir)
	if !ok {
		return ""
	}
	return strings.TrimSuffix(level, "/")
}

// variants are the files excluded from the resolution for one CPU level. An unusable variant is not copied into
// the image, where the loader then takes the next library.
type variants struct {
	excluded map[string]bool // set of real paths
	left     []Left          // the excluded variants and the reasons
}

// errExcluded means that a variant counts as absent.
var errExcluded = errors.New("variant is excluded")

// exclude excludes a variant from now on.
func (v *variants) exclude(real string, why error) error {
	v.excluded[real] = true
	v.left = append(v.left, Left{real, why})
	return errExcluded
}

// excludeVariantOf excludes the variant that caused a missing or rejected library: the object that asked for
// it, or the nearest variant that needs that object. The resolution must then start again.
func (v *variants) excludeVariantOf(by *loaded, why error) {
	for o := by.Object; o != nil; o = o.NeededBy {
		if o.Level != "" && !v.excluded[o.Real] {
			_ = v.exclude(o.Real, why)
			return
		}
	}
}

// checkLevel returns an error if a CPU of a level could not load a file in the folder of that level.
func (f *file) checkLevel(err error, level string) error {
	switch {
	case err != nil:
		return err
	case f.bad != nil:
		return f.bad
	}
	if need := isaLevel(f.isa); need != "" && need > level {
		return fmt.Errorf("it is built for %s but is in the folder for %s", need, level)
	}
	return nil
}

// addVariants adds what newer CPUs load, level by level, the lowest first.
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

// resolveAt resolves the program for a CPU, without the variants that would prevent its start.
func (r *process) resolveAt(cpu []string, p Program) (*Closure, []Left, error) {
	excluded := map[string]bool{}
	var left []Left
	for {
		q := r.fork()
		g := newGlibc(q, cpu, excluded)
		err := q.run(g, p)
		left = append(left, g.left...)
		if q.stopped() != nil || len(g.left) == 0 {
			return q.closure, left, err
		}
		// Each round excludes at least one more file.
	}
}

// merge adds the objects that only a CPU of a level loads.
func (c *Closure) merge(v *Closure, level string) {
	c.levels = append(c.levels, v)
	for _, o := range v.Objects {
		if same := c.objectAt(o.Real); same != nil {
			same.addPath(o.Links, o.Dirs)
			continue
		}
		if o.Level == "" {
			o.Level = level // a dependency of a variant
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

// objectAt returns the object of a real path, or nil.
func (c *Closure) objectAt(real string) *Object {
	for _, o := range c.Objects {
		if o.Real == real {
			return o
		}
	}
	return nil
}

// findForNewerCPU returns the path of a missing library for newer CPUs, "" if there is none.
func (g *glibc) findForNewerCPU(name string, by *loaded) string {
	if len(g.cpu) > 0 || len(g.conf.levels) == 0 {
		return ""
	}
	defer g.reset(g.mark())
	if g.above == nil {
		g.above = newGlibc(g.process, g.conf.levels, nil)
	}
	g.above.excluded, g.above.searched = map[string]bool{}, nil
	if c, err := g.above.find(name, by); err == nil && c != nil {
		return c.name
	}
	return ""
}

// isaLevel returns the highest level in GNU_PROPERTY_X86_ISA_1_NEEDED, "" for the baseline.
func isaLevel(needed uint32) string {
	for i, level := range []string{"x86-64-v4", "x86-64-v3", "x86-64-v2"} {
		if needed&(8>>i) != 0 {
			return level
		}
	}
	return ""
}
