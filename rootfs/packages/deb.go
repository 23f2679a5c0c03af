package packages

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// dpkg is a sysroot's dpkg database.
type dpkg struct {
	root
	info       string // folder of the lists
	diversions map[string]diversion
}

// diversion is where the file of every package but one is found instead, see dpkg-divert(1).
type diversion struct{ to, by string }

// readDeb reads dpkg's database.
func readDeb(r root) ([]entry, error) {
	dir, err := r.find("/var/lib/dpkg")
	if dir == "" || err != nil {
		return nil, err
	}
	// Distroless images have the folder only.
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

// field returns a one-line field of a paragraph. Names of fields are not case-sensitive, but dpkg
// writes its own database in one way.
func field(paragraph, name string) string {
	rest, first := strings.CutPrefix(paragraph, name+":")
	if !first {
		_, rest, _ = strings.Cut(paragraph, "\n"+name+":")
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// debPackage reads a paragraph of dpkg's status. A package whose files are not there is none: one that
// was removed keeps its paragraph as long as it has configuration files.
func debPackage(c string) (Package, bool) {
	p := Package{
		Kind: Deb, Name: field(c, "Package"), Version: field(c, "Version"),
		Architecture: field(c, "Architecture"),
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
	// Source is left out where it would repeat Package and Version, see deb-src-control(5).
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

// list reads the files of a package. Those that may be installed for several architectures at once have
// the architecture in the name of their list.
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

// files reads a list. It has a line for each path of the package's archive, in its order: a folder
// comes before what is in it, and that is how it is told from a file.
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

// readDiversions reads three lines for each diversion: the path, where it is diverted to, and the
// package that did it, ":" for an administrator.
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

// divert returns where a file of a package is.
func (d *dpkg) divert(pkg, name string) string {
	if v, ok := d.diversions[name]; ok && v.by != pkg {
		return v.to
	}
	return name
}

// readDistroless reads the database of distroless images: a paragraph in a file for each package, and
// the files with their sums in another beside it.
func readDistroless(r root) ([]entry, error) {
	dir, err := r.find("/var/lib/dpkg/status.d")
	if dir == "" || err != nil {
		return nil, err
	}
	names, err := r.names(dir)
	if err == nil {
		err = checkPackages(len(names) / 2) // each has its sums beside it
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

// sums reads paths from lines as md5sum(1) writes them. Images built before 2023 have none.
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
