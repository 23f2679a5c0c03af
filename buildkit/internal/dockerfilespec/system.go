package dockerfilespec

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/packagedb"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// stageRoot is where the stages of the Dockerfile make the root file system.
const stageRoot = "/rootfs"

// debianFiles are files of the image that the compiler's image has too, with the packages that bring them.
var debianFiles = map[string]string{
	"/etc/services": "netbase", "/etc/protocols": "netbase", "/etc/mime.types": "media-types",
	"/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}

// section is a part of the Dockerfile that is being written.
type section struct {
	title    string
	commands []dockerfile.Command
}

func (s *section) add(comment, format string, args ...any) {
	s.commands = append(s.commands, dockerfile.Command{Comment: comment, Line: fmt.Sprintf(format, args...)})
}

// system says how each entry of the tree comes about that is neither the program nor the user's.
func (w *writing) system(context.Context) error {
	folders := &section{title: "Folders, and who may write where."}
	accounts := &section{title: "Accounts: the program does not run as root, and there is nothing to log in with."}
	names := &section{title: "Where names are looked up: hosts by files and DNS, ports and protocols in their tables."}
	types := &section{title: "The types of files, by extension: the program asks for them."}
	trust := &section{title: "The certificate authorities that TLS clients trust."}
	zones := &section{title: "Time zones, of the distribution."}
	libraries := &section{title: fmt.Sprintf("The shared libraries of %s: its loader and all that it will load, each at its own path, with the links on the way.", w.Plan.Program())}
	opened := &section{title: "What the libraries open while the program runs: plugins and data."}
	scanners := &section{title: "What scanners of the image look for: the distribution, and the packages that files are from, as in distroless images."}

	w.addFolders(folders)
	w.addZones(zones)
	for _, e := range w.Tree.Entries() {
		if e.Layer != rootfs.System || !e.Mode.IsRegular() || strings.HasPrefix(e.Path, rootfs.ZoneFolder+"/") {
			continue
		}
		if _, ok := e.Source.Sysroot(); ok {
			continue // a library, which comes with others
		}
		if e.Reason == packagedb.Reason {
			continue // see addPackages
		}
		to := trust
		switch {
		case e.Path == "/etc/passwd", e.Path == "/etc/group":
			to = accounts
		case e.Path == "/etc/ld.so.cache":
			to = libraries
		case e.Path == "/etc/mime.types":
			to = types
		case !strings.HasPrefix(e.Path, "/etc/ssl/"):
			to = names
		}
		if err := w.addFile(to, e); err != nil {
			return err
		}
	}
	w.addLinks(libraries, trust, zones, scanners)
	w.addLibraries(libraries, opened, scanners)
	w.addPackages(scanners)
	for _, s := range []*section{folders, accounts, names, types, trust, zones, libraries, opened, scanners} {
		if len(s.commands) > 0 {
			w.spec.System = append(w.spec.System, dockerfile.Section{Title: s.title, Commands: s.commands})
		}
	}
	return nil
}

// addFolders makes all folders but those that come with what is copied. Of plain ones the deepest are enough.
func (w *writing) addFolders(s *section) {
	var plain, special []rootfs.Entry
	for _, e := range w.Tree.Entries() {
		switch {
		case !e.Mode.IsDir(), strings.HasPrefix(e.Path, rootfs.ZoneFolder+"/"), w.ofFiles(e), w.inWhole(e.Path):
		case e.IsPlainFolder():
			plain = append(plain, e)
		default:
			special = append(special, e)
		}
	}
	var deepest []string
	for _, e := range plain {
		if !slices.ContainsFunc(plain, func(c rootfs.Entry) bool { return path.Dir(c.Path) == e.Path }) {
			deepest = append(deepest, stageRoot+e.Path)
		}
	}
	if len(deepest) > 0 {
		s.add("", "mkdir -p %s", dockerfile.Words(deepest...))
	}
	for _, e := range special {
		s.add(w.inImage(e.Reason), "%s", installFolder(e))
	}
}

// installFolder makes a folder, or changes the one that is there.
func installFolder(e rootfs.Entry) string {
	line := fmt.Sprintf("install -d -m %04o", e.Header().Mode)
	if e.UID != 0 || e.GID != 0 {
		line += fmt.Sprintf(" -o %d -g %d", e.UID, e.GID)
	}
	return line + " " + dockerfile.Shell(stageRoot+e.Path)
}

// addLinks makes the links: of libraries, of certificates, of the local time, of the distribution's name.
func (w *writing) addLinks(libraries, trust, zones, scanners *section) {
	for _, e := range w.Tree.Entries() {
		if e.Layer != rootfs.System || e.Mode.Type() != fs.ModeSymlink || w.inWhole(e.Path) {
			continue
		}
		to, comment := libraries, ""
		switch {
		case e.Path == "/etc/localtime":
			to = zones
		case e.Path == "/etc/ssl/cert.pem":
			to = trust
		case e.Reason == packagedb.DistroReason:
			to = scanners
		case strings.Contains(e.Reason, "certificates"):
			to, comment = trust, e.Reason
		case !strings.HasPrefix(e.Reason, "on the way to "): // these the title explains
			comment = w.inImage(e.Reason)
		}
		to.add(comment, "ln -s %s", dockerfile.Words(e.Link, stageRoot+e.Path))
	}
}

// addFile makes a file that is no library's.
func (w *writing) addFile(s *section, e rootfs.Entry) error {
	content, made := e.Source.Content()
	switch {
	case e.Path == "/etc/ssl/certs/ca-certificates.crt":
		return w.addBundle(s, e)
	case debianFiles[e.Path] != "":
		s.add("", "install -m %04o %s", e.Header().Mode, dockerfile.Words(e.Path, stageRoot+e.Path))
		return nil
	case e.Path == "/etc/ld.so.cache":
		s.add(e.Reason, "ldconfig -X -r %s -f /dev/null %s", stageRoot, dockerfile.Words(w.libraryFolders()...))
		return nil
	case !made || strings.ContainsFunc(content, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return fmt.Errorf("saying how %q comes about (%s): there is no command for it", e.Path, e.Reason)
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimSuffix(content, "\n"), "\n") {
		lines = append(lines, "      "+dockerfile.Shell(line))
	}
	s.add("", "printf '%%s\\n' \\\n%s \\\n      > %s", strings.Join(lines, " \\\n"), dockerfile.Shell(stageRoot+e.Path))
	return nil
}

// addPackages makes the database of packages by dpkg of the stage, whose versions may be others later.
func (w *writing) addPackages(s *section) {
	var names []string
	var sums []string
	for _, e := range w.Tree.Entries() {
		if name, files, ok := packagedb.Listed(e); ok {
			names = append(names, name)
			sums = append(sums, fmt.Sprintf("md5sum%s > %s", lines(files), dockerfile.Shell(strings.TrimPrefix(e.Path, "/"))))
		}
	}
	if len(names) == 0 {
		return
	}
	folder := stageRoot + packagedb.StatusFolder
	s.add("", "for p in%s; do dpkg-query -W -f '%s' \"$p\" > %s/\"$p\" || exit 1; done", lines(names), controlFormat, folder)
	s.add("without the fields that a package does not have", "sed -i '/^[A-Za-z]*: $/d' %s/*", folder)
	s.add("", "cd %s", stageRoot)
	for _, sum := range sums {
		s.add("", "%s", sum)
	}
}

// controlFormat are the fields of a package in the database, see dpkg-query(1).
const controlFormat = `Package: ${Package}\nSource: ${Source}\nVersion: ${Version}\nArchitecture: ${Architecture}\nMaintainer: ${Maintainer}\n`

// addBundle takes the certificates of the compiler's image, and the user's.
func (w *writing) addBundle(s *section, e rootfs.Entry) error {
	const bundle = "/etc/ssl/certs/ca-certificates.crt"
	s.add("", "install -m 0644 %s %s", bundle, stageRoot+bundle)
	for i, name := range w.Plan.Files.Certificates.Extra {
		rel, err := w.taken("Certificates", w.Plan.HostPath(name))
		if err != nil {
			return err
		}
		at := fmt.Sprintf("/certificates/%d.pem", i)
		w.spec.Certificates = append(w.spec.Certificates, dockerfile.Copy{From: rel, To: at})
		w.spec.Ignore.Paths = append(w.spec.Ignore.Paths, rel)
		s.add("of "+rel, "sed -n '/^-----BEGIN CERTIFICATE/,/^-----END CERTIFICATE/p' %s >> %s", at, stageRoot+bundle)
	}
	return nil
}

// allZones tells whether the image has every zone.
func (w *writing) allZones() bool { return slices.Contains(w.Files.Timezones, "all") }

// addZones takes the zones of the distribution.
func (w *writing) addZones(s *section) {
	var zones []rootfs.Entry
	for _, e := range w.Tree.Entries() {
		if strings.HasPrefix(e.Path, rootfs.ZoneFolder+"/") && e.Mode.IsRegular() && e.Layer == rootfs.System {
			zones = append(zones, e)
		}
	}
	switch {
	case len(zones) == 0:
	case w.allZones():
		why := w.Files.ZonesFor
		if why == "" {
			why = "all of them"
		}
		// The names of zones begin with a capital; those of tables, links and other kinds of zones do not.
		s.add(why, "cp -rL /usr/share/zoneinfo/[A-Z]* %s", stageRoot+rootfs.ZoneFolder+"/")
	default:
		for _, e := range zones {
			s.add("", "install -D -m 0644 %s", dockerfile.Words(e.Path, stageRoot+e.Path))
		}
	}
}

// taken is a file or folder of this machine as the builder sees it, with the links in its path followed.
func (w *writing) taken(field, name string) (string, error) {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", fmt.Errorf("looking for %q: %w", name, err)
	}
	context, err := filepath.EvalSymlinks(w.context)
	if err != nil {
		return "", fmt.Errorf("looking for %q: %w", w.context, err)
	}
	inner := *w
	inner.context = context
	rel, ok := inner.inContext(real)
	if !ok {
		return "", w.unsaid(field, fmt.Sprintf("%q is outside of %q, which is all that a build of a Dockerfile sees", real, w.context), "copy it to a place below that folder, or build the image with the target image")
	}
	if strings.ContainsAny(rel, `*?[\`) {
		return "", w.unsaid(field, fmt.Sprintf("the name %q would be a pattern in a Dockerfile", rel), "rename it")
	}
	return rel, nil
}
