package packages

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// dpkg is the dpkg database of a sysroot.
type dpkg struct {
	root
	info       string // folder with the lists
	diversions map[string]diversion
}

// diversion is another path for a file of all packages except one, see dpkg-divert(1).
type diversion struct{ to, by string }

// readDeb reads dpkg's database.
func readDeb(r root) ([]entry, error) {
	dir, err := r.find("/var/lib/dpkg")
	if dir == "" || err != nil {
		return nil, err
	}
	// Distroless images have only the folder.
	if file, err := r.find("/" + dir + "/status"); file == "" || err != nil {
		return nil, err
	}
	status, err := r.read(dir, "status", maxStatus)
	if err != nil {
		return nil, fmt.Errorf("reading dpkg's database: %w", err)
	}
	d := &dpkg{root: r, info: path.Join(dir, "info")}
	if err := d.readDiversions(dir); err != nil {
		return nil, fmt.Errorf("reading dpkg's diversions: %w", err)
	}
	var out []entry
	all := paragraphs(status)
	if err := checkPackages(len(all)); err != nil {
		return nil, fmt.Errorf("reading dpkg's database: %w", err)
	}
	for _, c := range all {
		if p, ok := debPackage(c); ok {
			same := field(c, "Multi-Arch") == "same"
			out = append(out, entry{p, func() ([]string, error) { return d.list(p, same) }})
		}
	}
	return out, nil
}

// paragraphs splits deb822(5) text.
func paragraphs(text string) []string {
	var out []string
	for _, p := range strings.Split(text, "\n\n") {
		if p = strings.Trim(p, "\n"); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// field returns a one-line field of a paragraph. Field names are case-insensitive, but dpkg always writes
// them in the same way.
func field(paragraph, name string) string {
	rest, first := strings.CutPrefix(paragraph, name+":")
	if !first {
		_, rest, _ = strings.Cut(paragraph, "\n"+name+":")
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// debPackage parses a paragraph of dpkg's status. ok is false if the package's files are not installed: a
// removed package keeps its paragraph as long as it has configuration files.
func debPackage(c string) (Package, bool) {
	p := Package{
		Kind: Deb, Name: field(c, "Package"), Version: field(c, "Version"),
		Architecture: field(c, "Architecture"), Maintainer: field(c, "Maintainer"),
	}
	if p.Name == "" {
		return p, false
	}
	if status := strings.Fields(field(c, "Status")); len(status) == 3 {
		switch status[2] {
		case "not-installed", "config-files":
			return p, false
		}
	}
	// Source is omitted if it equals Package and Version, see deb-src-control(5).
	p.Source, p.SourceVersion = p.Name, p.Version
	if s := field(c, "Source"); s != "" {
		name, version, ok := strings.Cut(s, " ")
		p.Source = name
		if ok {
			p.SourceVersion = strings.Trim(version, "()")
		}
	}
	return p, true
}

// list reads the files of a package. If several architectures of a package can be installed, the name of
// its list contains the architecture.
func (d *dpkg) list(p Package, same bool) ([]string, error) {
	names := []string{p.Name + ".list", p.Name + ":" + p.Architecture + ".list"}
	if same {
		names[0], names[1] = names[1], names[0]
	}
	text, err := d.read(d.info, names[0], maxList)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = d.read(d.info, names[1], maxList)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the files of package %q: %w", p.Name, err)
	}
	return d.files(p.Name, text), nil
}

// files parses a list. It has a line for each path in the package's archive, in the same order: a folder is
// followed by its content, which distinguishes it from a file.
func (d *dpkg) files(pkg, text string) []string {
	out := make([]string, 0, strings.Count(text, "\n"))
	line, rest, more := strings.Cut(text, "\n")
	for more || line != "" {
		var next string
		next, rest, more = strings.Cut(rest, "\n")
		folder := len(next) > len(line) && next[len(line)] == '/' && strings.HasPrefix(next, line)
		if !folder && strings.HasPrefix(line, "/") && line != "/." {
			out = append(out, d.divert(pkg, line))
		}
		line = next
	}
	return out
}

// readDiversions reads the diversions. Each has three lines: the path, the new path, and the package that
// made the diversion, or ":" for an administrator.
func (d *dpkg) readDiversions(dir string) error {
	text, err := d.read(dir, "diversions", maxList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lines := strings.Split(text, "\n")
	d.diversions = map[string]diversion{}
	for i := 0; i+2 < len(lines); i += 3 {
		d.diversions[lines[i]] = diversion{to: lines[i+1], by: lines[i+2]}
	}
	return err
}

// divert returns the path where a file of a package is.
func (d *dpkg) divert(pkg, name string) string {
	if v, ok := d.diversions[name]; ok && v.by != pkg {
		return v.to
	}
	return name
}

// readDistroless reads the database of distroless images. Each package has a file with its paragraph, and
// another with its files and their checksums.
func readDistroless(r root) ([]entry, error) {
	dir, err := r.find("/var/lib/dpkg/status.d")
	if dir == "" || err != nil {
		return nil, err
	}
	names, err := r.names(dir)
	if err == nil {
		err = checkPackages(len(names) / 2) // each package has two files
	}
	if err != nil {
		return nil, fmt.Errorf("reading distroless's database: %w", err)
	}
	var out []entry
	for _, name := range names {
		if strings.HasSuffix(name, ".md5sums") {
			continue
		}
		text, err := r.read(dir, name, maxList)
		if err != nil {
			return nil, fmt.Errorf("reading distroless's database: %w", err)
		}
		if p, ok := debPackage(strings.Trim(text, "\n")); ok {
			out = append(out, entry{p, func() ([]string, error) { return r.sums(dir, name) }})
		}
	}
	return out, nil
}

// sums reads paths from the output of md5sum(1). Images built before 2023 have none.
func (r root) sums(dir, name string) ([]string, error) {
	text, err := r.read(dir, name+".md5sums", maxList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if _, file, ok := strings.Cut(line, "  "); ok {
			out = append(out, "/"+strings.TrimPrefix(file, "/"))
		}
	}
	return out, err
}
