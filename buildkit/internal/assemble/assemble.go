// Package assemble says what the tree of an image has besides the program and its libraries, and checks the finished tree against what the
// Config says about starting it.
package assemble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Check assembles everything but the program and its libraries, so that the user hears of a mistake in the Config without waiting for the
// compiler. The mistake is a [report.ConfigError].
func Check(ctx context.Context, p plan.Image) error {
	if err := p.Check(); err != nil {
		return err
	}
	spec := p.Files
	spec.Program = ""
	tree, err := rootfs.Assemble(ctx, spec)
	if err == nil { // the base may have something else in the program's place
		err = tree.Add(rootfs.Entry{Path: p.Files.Program, Mode: 0o755, Layer: rootfs.Program, Reason: "the program", Source: rootfs.Bytes(nil)})
	}
	if err == nil { // the loader's file, of the base or of the user
		_, err = ldd.ReadPreload(tree)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	return &report.ConfigError{Err: fmt.Errorf("assembling the files of the Config (%s): %w", p.Origin, err)}
}

// Spec returns what is in the tree besides the program and its libraries: what the plan says, further entries, and what the functions
// look for that the program has.
func Spec(p plan.Image, program compile.Program, further []rootfs.Entry) rootfs.Spec {
	spec := p.Files
	spec.Program, spec.Further = "", further
	for _, n := range program.Needs() {
		switch n.Kind {
		case linked.Zones:
			if len(spec.Timezones) == 0 && (program.NeedOfC(n.Kind) == "" || hasZones(spec)) {
				spec.Timezones, spec.ZonesFor = []string{"all"}, n.Why
			}
		case linked.MIME:
			spec.MIMEFor = n.Why
		case linked.Cache:
			spec.CacheFor = n.Why
		}
	}
	return spec
}

// hasZones reports whether this machine has time zones. C code does without them: it takes each zone for UTC.
func hasZones(spec rootfs.Spec) bool {
	spec.Timezones = []string{"all"}
	return slices.ContainsFunc(spec.ZonePlaces(), func(place string) bool {
		_, err := os.Stat(place)
		return err == nil
	})
}

// ZonesOfC returns a note about the time zones that are in the image because of the program's C code, none if there are none.
func ZonesOfC(p plan.Image, program compile.Program, tree *rootfs.Tree) []string {
	why := program.NeedOfC(linked.Zones)
	if why == "" || len(p.Files.Timezones) > 0 {
		return nil
	}
	files, size := 0, int64(0)
	for _, e := range tree.Entries() {
		if strings.HasPrefix(e.Path, rootfs.ZoneFolder+"/") && e.Mode.IsRegular() && e.Layer == rootfs.System {
			files, size = files+1, size+e.Size
		}
	}
	if files == 0 {
		return nil
	}
	return []string{fmt.Sprintf("time zones: %d files, %s, because %s by the program; fewer if Timezones names some", files, report.Size(size), why)}
}

// Kinds are the needs of functions that an image answers by files, for people.
var Kinds = map[linked.Kind]string{linked.Zones: "zones", linked.MIME: "mime types", linked.Cache: "cache folder"}

// NoPrograms returns a note for each Go function that starts other programs, if the image has no shell.
func NoPrograms(p plan.Image, program compile.Program, tree *rootfs.Tree) []string {
	words := "the image has no shell and no other programs"
	if list := shipped(tree); len(list) > 0 {
		words = "the image has no shell, and of other programs only those of Files: " + strings.Join(list, ", ")
	}
	if p.Base != nil {
		if executable(p, tree, "/bin/sh") == nil {
			return nil
		}
		words = "the base " + p.BaseName + " has no shell"
	}
	var notes []string
	for _, n := range program.Needs() {
		if n.Kind == linked.Programs {
			notes = append(notes, "warning: "+n.Why+", and "+words)
		}
	}
	return notes
}

// RawSockets returns a note for a program that captures packets, which the image's user may not.
func RawSockets(p plan.Image, program compile.Program) []string {
	user, err := p.Files.ImageUser()
	if err != nil || user.UID == 0 {
		return nil // the assembly reports the error
	}
	if slices.Contains(p.Files.Capabilities.Names(), "cap_net_raw") {
		return nil
	}
	for _, n := range program.Needs() {
		if n.Kind == linked.RawSockets {
			return []string{fmt.Sprintf("warning: %s, which captures packets only with the capability CAP_NET_RAW, and the user %d has none\nfix: set Capabilities to \"cap_net_raw\"; reading files of packets works as it is", n.Why, user.UID)}
		}
	}
	return nil
}

// shipped returns the executable files among the user's, at most a few.
func shipped(tree *rootfs.Tree) (list []string) {
	const most = 5
	for _, e := range tree.Entries() {
		if e.Layer != rootfs.Files || !e.Mode.IsRegular() || e.Mode&0o111 == 0 {
			continue
		}
		if len(list) == most {
			return append(list, "…")
		}
		list = append(list, plaintext.Field(e.Path))
	}
	return list
}

// Commands checks that the engine can start the entrypoint and the health check, which it passes to execve(2) unchanged. An error is a
// [report.ConfigError].
func Commands(p plan.Image, tree *rootfs.Tree) error {
	for _, c := range []struct {
		field string
		words []string
	}{{"Entrypoint", p.Config.Entrypoint}, {"Healthcheck", healthTest(p.Config.Healthcheck)}} {
		if len(c.words) == 0 {
			continue
		}
		if err := executable(p, tree, c.words[0]); err != nil {
			return &report.ConfigError{Err: fmt.Errorf("starting %q, as the %s of the Config (%s) says: %w\nfix: name %s or an executable of %s",
				c.words[0], c.field, p.Origin, err, p.Program(), p.Executables())}
		}
	}
	return nil
}

func healthTest(h *image.Healthcheck) []string {
	if h == nil {
		return nil
	}
	return h.Test
}

// defaultPath is where an engine looks for a command by its name if the image has no PATH (DefaultPathEnvUnix in moby's oci package).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// executable looks for a command in the tree as the engine will in the container.
func executable(p plan.Image, tree *rootfs.Tree, name string) error {
	dirs := strings.Split(cmp.Or(p.Env("PATH"), defaultPath), ":")
	if strings.Contains(name, "/") {
		dirs = []string{p.Config.Workdir}
		if path.IsAbs(name) {
			dirs = []string{"/"}
		}
	}
	why := errors.New("it is not in the image")
	for _, dir := range dirs {
		info, err := tree.Stat(strings.TrimPrefix(path.Join(dir, name), "/"))
		switch {
		case err != nil:
		case info.Mode().IsRegular() && info.Mode()&0o111 != 0:
			return nil
		default:
			why = fmt.Errorf("it is no executable file (%s)", info.Mode())
		}
	}
	return why
}

// Write writes the tree to dist/.
func Write(ctx context.Context, p plan.Image, tree *rootfs.Tree, r report.Report) error {
	dir := p.Dist().Rootfs()
	done := r.Step(p.Label(), "rootfs", "writing "+p.Show(dir))
	err := tree.WriteDir(ctx, dir)
	files, size := 0, int64(0)
	for _, e := range tree.Entries() {
		if e.Mode.IsRegular() {
			files, size = files+1, size+e.Size
		}
	}
	done(fmt.Sprintf("%d files, %s in %s%s", files, report.Size(size), p.Show(dir), p.AboveBase()), err)
	return err
}
