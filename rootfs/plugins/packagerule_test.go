//go:build linux && amd64

package plugins

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// hostLibraries returns a closure of all libraries of the host, as if a program linked them all.
func hostLibraries(t *testing.T) *ldd.Closure {
	t.Helper()
	c := &ldd.Closure{Objects: []*ldd.Object{{Path: "/program"}}}
	for _, pattern := range []string{"/usr/lib/*.so*", "/usr/lib/x86_64-linux-gnu/*.so*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
				continue
			}
			f, err := elf.Open(name)
			if err != nil {
				continue // a linker script
			}
			soname, _ := f.DynString(elf.DT_SONAME)
			f.Close()
			c.Objects = append(c.Objects, &ldd.Object{Path: name, Real: name, Soname: strings.Join(soname, "")})
		}
	}
	return c
}

// For all libraries of the host, the package rule adds plugins of few packages, and few of each. Run it
// with -v to list them.
func TestPackageRuleOnHost(t *testing.T) {
	t.Parallel()
	c := hostLibraries(t)
	if len(c.Objects) < 10 {
		skip(t, "there are no libraries in /usr/lib/x86_64-linux-gnu")
	}
	d := newDiscovery(context.Background(), newRoots(ldd.DirFS("/"), Options{}), c, Options{})
	if err := d.run(d.match, d.applyPackages); err != nil {
		t.Fatal(err)
	}
	byGroup := map[string][]string{}
	for _, p := range d.found.Plugins {
		byGroup[p.Group] = append(byGroup[p.Group], fmt.Sprintf("%s (of %s)", p.Path, path.Base(p.Of)))
	}
	var groups []string
	for g := range byGroup {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	for _, g := range groups {
		t.Logf("%-28s %3d  %s", g, len(byGroup[g]), byGroup[g][0])
	}
	for _, k := range d.found.Candidates {
		t.Errorf("too many of one package: %+v", k)
	}
	t.Logf("%d libraries, %d of them in the registry, %d packages with %d plugins", len(c.Objects)-1, len(d.matches), len(groups), len(d.found.Plugins))
}
