package rootfs

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	// ZoneFolder is where Go, glibc and musl look for time zones, see tzset(3).
	ZoneFolder = "/usr/share/zoneinfo"
	localtime  = "/etc/localtime"
	allZones   = "all"
)

// posixTZ matches a TZ value that contains its own rules and needs no file: "CET-1CEST,M3.5.0,M10.5.0/3" or
// "<+03>-3". See tzset(3).
var posixTZ = regexp.MustCompile(`^([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?[0-9]`)

// wantsZones reports whether the image needs a zone. In TZ, a colon may precede a file name, see tzset(3).
func (s Spec) wantsZones() bool { return len(s.Timezones) > 0 || strings.TrimPrefix(s.TZ, ":") != "" }

// zoneArchive returns the path of Go's own zones.
func zoneArchive(goroot string) string { return filepath.Join(goroot, "lib", "time", "zoneinfo.zip") }

// ZonePlaces returns the files and folders of this machine that decide which time zones the image gets:
// Go's archive and, if that is missing and a zone is wanted, the folder that replaces it. Everything below
// the folder counts.
func (s Spec) ZonePlaces() []string {
	archive := zoneArchive(s.GOROOT)
	if _, err := os.Lstat(archive); s.GOROOT != "" && err == nil || !s.wantsZones() {
		return []string{archive}
	}
	return []string{archive, ZoneFolder}
}

// addZones adds time zones. Without them time.LoadLocation fails, and C programs silently use UTC under the
// zone's name.
func (a *assembly) addZones(ctx context.Context) (err error) {
	if !a.wantsZones() {
		return nil
	}
	z, err := openZones(a.GOROOT, ZoneFolder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, z.close()) }()
	for _, name := range a.Timezones {
		if err := a.addZone(ctx, z, name); err != nil {
			return err
		}
	}
	return a.addLocalZone(ctx, z, strings.TrimPrefix(a.TZ, ":"))
}

// addZone adds a zone, or all of them.
func (a *assembly) addZone(ctx context.Context, z zones, name string) error {
	if name != allZones {
		return a.addZoneFile(ctx, z, name)
	}
	names, err := z.names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := a.addZoneFile(ctx, z, name); err != nil {
			return err
		}
	}
	return nil
}

// addZoneFile adds the file of a zone. A link in the host's folder becomes a file: Go's archive has no
// links either.
func (a *assembly) addZoneFile(ctx context.Context, z zones, name string) error {
	content, err := z.read(ctx, name)
	if err != nil {
		return fmt.Errorf("adding the time zone %q: %w", name, err)
	}
	if a.baseHas(path.Join(ZoneFolder, name)) {
		return nil
	}
	reason := "time zone of " + z.where
	if a.ZonesFor != "" {
		reason += ": " + a.ZonesFor
	}
	return a.addFile(path.Join(ZoneFolder, name), string(content), reason)
}

// addLocalZone adds the zone of TZ, and the link /etc/localtime for programs that ignore TZ.
func (a *assembly) addLocalZone(ctx context.Context, z zones, tz string) error {
	if tz == "" || path.IsAbs(tz) || posixTZ.MatchString(tz) && !z.has(tz) {
		return nil
	}
	if err := a.addZone(ctx, z, tz); err != nil {
		return err
	}
	return a.addLink(localtime, path.Join(ZoneFolder, tz), "the zone of TZ")
}

// zones is a source of zone files.
type zones struct {
	fsys  fs.FS
	where string // the source's name in messages
	close func() error
}

// openZones opens Go's own zones, which are the same on every machine with this Go version, or else the
// host's folder.
func openZones(goroot, folder string) (zones, error) {
	archive := zoneArchive(goroot)
	if goroot != "" {
		r, err := zip.OpenReader(archive)
		if err == nil {
			return zones{fsys: r, where: "Go's zoneinfo.zip", close: r.Close}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return zones{}, fmt.Errorf("reading the time zones %q: %w\nfix: reinstall Go", archive, withoutPath(err))
		}
	}
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return zones{fsys: os.DirFS(folder), where: folder, close: func() error { return nil }}, nil
	}
	return zones{}, fmt.Errorf("finding time zones: there is neither %q nor %q\n"+
		"fix: install the package tzdata", archive, folder)
}

// zoneMagic is the beginning of every zone file, RFC 8536 section 3.1. A host's folder has other files too.
const zoneMagic = "TZif"

// Limits for an archive, because it may be a Builder's. There are a few hundred zones; the largest has 4 KB.
const (
	maxZone  = 64 << 10 // bytes
	maxZones = 4096
)

// content reads a file, but at most maxZone bytes.
func (z zones) content(name string) ([]byte, error) {
	f, err := z.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return readAtMost(f, maxZone)
}

// read returns a zone's file. The file systems check the name: none of them allows "../x".
func (z zones) read(ctx context.Context, name string) ([]byte, error) {
	content, err := z.content(name)
	if err == nil && !strings.HasPrefix(string(content), zoneMagic) {
		err = errors.New("not a zone file")
	}
	if err == nil {
		return content, nil
	}
	fix := "use a name like \"Europe/Berlin\", of https://data.iana.org/time-zones/tzdb/zone1970.tab"
	if near := z.similar(ctx, name); len(near) > 0 {
		fix = fmt.Sprintf("use one of %q", near)
	}
	return nil, fmt.Errorf("%s has no such zone (%w)\nfix: %s", z.where, withoutPath(err), fix)
}

// has reports whether there is a file with this name.
func (z zones) has(name string) bool {
	_, err := fs.Stat(z.fsys, name)
	return err == nil
}

// names lists all zones, sorted. In a host's folder it skips the copies that count leap seconds ("right")
// or do not ("posix"), and the host's own settings.
func (z zones) names(ctx context.Context) ([]string, error) {
	var names []string
	err := fs.WalkDir(z.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && (name == "right" || name == "posix"):
			return fs.SkipDir
		case d.IsDir(), name == "localtime", name == "posixrules", !z.isZone(name):
			return nil
		}
		if len(names) == maxZones {
			return fmt.Errorf("there are more than %d zones\nfix: name only the needed zones in Timezones", maxZones)
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the time zones of %s: %w", z.where, err)
	}
	return names, nil
}

// isZone reports whether a file begins like a zone file.
func (z zones) isZone(name string) bool {
	f, err := z.fsys.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, len(zoneMagic))
	n, err := f.Read(magic)
	return (err == nil || n == len(magic)) && string(magic[:n]) == zoneMagic
}
