package libraries

import (
	"context"
	"slices"

	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// openers are Go functions that open libraries by names that may be put together while the program runs. Such names are in no file.
// The functions that load Go's plugins and the system's cryptography are rows of package plugins.
var openers = map[linked.Kind]string{
	linked.Purego: "it opens C libraries without cgo, and may put their names together while it runs; if it opens one that is not listed here, add it to Libraries",
	linked.Dlopen: "it opens C libraries, and may put their names together while it runs; if it opens one that is not listed here, add it to Libraries",
}

// candidates returns the libraries and time zones that the image may need too and does not have. It warns about those of the programs
// themselves, and of the libraries that they link.
func (f *Found) candidates(ctx context.Context) ([]Candidate, error) {
	var list []Candidate
	add := func(c Candidate, likely bool) {
		list = append(list, c)
		if likely {
			f.warn(plaintext.Sprintf("not in the image: %s", c.String()))
		}
	}
	for _, p := range f.programs() {
		for _, c := range p.opened.Candidates {
			_, ours := f.query.Base.Lookup(c.Path)
			one := Candidate{Name: c.Name, Path: c.Path, Of: f.inImage(c.Of), Why: f.inImage(c.Why)}
			if !slices.Contains(list, one) {
				add(one, c.Likely && (c.Path == "" || !ours))
			}
		}
	}
	if len(f.query.Plan.Libraries.Names) == 0 {
		for _, n := range f.query.Program.Needs() {
			if why := openers[n.Kind]; why != "" {
				add(Candidate{Name: string(n.Kind), Of: f.query.Plan.Program(), Why: n.Why + ": " + why}, !f.hasNamed())
			}
		}
	}
	if f.hasZones() {
		return list, nil
	}
	zones, ok, err := f.zones(ctx)
	if ok {
		add(zones, zones.Of == f.query.Plan.Program())
	}
	return list, err
}

// hasNamed reports whether a library is taken because the program names it.
func (f *Found) hasNamed() bool {
	return slices.ContainsFunc(f.opened.Plugins, func(p plugins.Plugin) bool { return p.Group == plugins.GroupNamed })
}

// zoneReaders are the functions of C that read the time zone in TZ, see tzset(3). strftime is not among them: it prints what these
// have read.
var zoneReaders = []string{"localtime", "localtime_r", "mktime", "tzset", "timelocal", "tzalloc", "localtime_rz"}

// zones returns time zones as a candidate if C code reads them. Without zones C code silently uses UTC, while Go code fails.
func (f *Found) zones(ctx context.Context) (c Candidate, ok bool, err error) {
	importers, err := f.closure.Importers(ctx, zoneReaders...)
	if err != nil {
		return c, false, err
	}
	var by *ldd.Object
	var function string
	for _, name := range zoneReaders {
		for _, o := range importers[name] {
			// The program's own calls say more than those of a library.
			if o != f.closure.Program() && by != nil || o.Path == f.closure.Loader || o.Soname == "libc.so.6" {
				continue
			}
			if by != f.closure.Program() {
				by, function = o, name
			}
		}
	}
	if by == nil {
		return c, false, nil
	}
	return Candidate{
		Name: "time zones", Path: rootfs.ZoneFolder, Of: f.inImage(by.Path),
		Why: plaintext.Sprintf("%s calls %s of C, which takes any zone for UTC when there are none, and says nothing; set Timezones, or TZ in Env", f.inImage(by.Path), function),
	}, true, nil
}

// hasZones reports whether the image has time zones, or a TZ that needs none.
func (f *Found) hasZones() bool {
	p := f.query.Plan
	if _, ok := f.query.Base.Lookup(rootfs.ZoneFolder); ok || p.Env("TZ") != "" {
		return true
	}
	if p.Base == nil {
		return false
	}
	_, _, err := ldd.Follow(p.Base.FS, rootfs.ZoneFolder+"/")
	return err == nil
}
