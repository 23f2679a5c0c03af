package buildkit

import (
	"context"

	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// openers are the needs of Go's functions that open libraries, whose names only the
// program knows: one that is put together while it runs is nowhere to be found. What
// loads Go's plugins and the system's cryptography the room for plugins says.
var openers = map[linked.Kind]string{
	linked.Purego: "it opens C libraries without cgo: those that are not among its candidates here, since it puts their names together, only you know; add them to Libraries",
	linked.Dlopen: "it opens C libraries: those that are not among its candidates here, since it puts their names together, only you know; add them to Libraries",
}

// guess adds to the candidates what no library speaks for.
func (b *Built) guess(ctx context.Context) error {
	if b.linked != nil && len(b.Plan.Libraries.Names) == 0 {
		for _, n := range b.linked.Needs() {
			if why := openers[n.Kind]; why != "" {
				b.Candidates = append(b.Candidates, Candidate{Name: string(n.Kind), Of: b.Plan.Program(), Why: n.Why + ": " + why})
			}
		}
	}
	if err := b.guessZones(ctx); err != nil {
		return err
	}
	b.system.Candidates = b.Candidates
	return nil
}

// zoneReaders are the functions of C that ask for the zone of TZ, see tzset(3). It is
// not strftime that does: it writes down what these have made.
var zoneReaders = []string{"localtime", "localtime_r", "mktime", "tzset", "timelocal", "tzalloc", "localtime_rz"}

// guessZones says that code of C reads time zones that the image has none of. Unlike Go's
// it does not fail then: it takes UTC.
func (b *Built) guessZones(ctx context.Context) error {
	if b.hasZones() {
		return nil
	}
	importers, err := b.Closure.Importers(ctx, zoneReaders...)
	if err != nil {
		return err
	}
	var by *ldd.Object
	var function string
	for _, f := range zoneReaders {
		for _, o := range importers[f] {
			// The program's own calls say more than a library's.
			if o != b.Closure.Program() && by != nil || o.Path == b.Closure.Loader || o.Soname == "libc.so.6" {
				continue
			}
			if by != b.Closure.Program() {
				by, function = o, f
			}
		}
	}
	if by != nil {
		b.Candidates = append(b.Candidates, Candidate{
			Name: "time zones", Path: rootfs.ZoneFolder, Of: b.inImage(by.Path),
			Why: plaintext.Sprintf("%s calls %s of C, which takes any zone for UTC when there are none, and says nothing; set Timezones, or TZ in Env", b.inImage(by.Path), function),
		})
	}
	return nil
}

// hasZones says whether the image has time zones, or a TZ that needs none.
func (b *Built) hasZones() bool {
	if _, ok := b.base.Lookup(rootfs.ZoneFolder); ok || b.Plan.Env("TZ") != "" {
		return true
	}
	if b.Plan.Base == nil {
		return false
	}
	_, _, err := ldd.Follow(b.Plan.Base.FS, rootfs.ZoneFolder+"/")
	return err == nil
}
