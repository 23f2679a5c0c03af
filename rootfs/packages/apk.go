package packages

import (
	"fmt"
	"strings"
)

// readAPK reads apk's database, https://wiki.alpinelinux.org/wiki/Apk_spec#Installed_Database_V2. If /lib
// is a link to /usr/lib, both paths lead to it.
func readAPK(r root) ([]entry, error) {
	dir, err := r.find("/lib/apk/db", "/usr/lib/apk/db")
	if dir == "" || err != nil {
		return nil, err
	}
	// A folder without the file is left over after apk was removed.
	if file, err := r.find("/" + dir + "/installed"); file == "" || err != nil {
		return nil, err
	}
	text, err := r.read(dir, "installed", maxStatus)
	if err != nil {
		return nil, fmt.Errorf("reading apk's database: %w", err)
	}
	var out []entry
	all := paragraphs(text)
	if err := checkPackages(len(all)); err != nil {
		return nil, fmt.Errorf("reading apk's database: %w", err)
	}
	for _, p := range all {
		if e := apkEntry(p); e.Name != "" {
			out = append(out, e)
		}
	}
	return out, nil
}

// apkEntry parses a package. Each line is a letter, a colon and a value. A file (R) is in the last folder
// (F) before it.
func apkEntry(text string) entry {
	p := Package{Kind: APK}
	for _, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "P":
			p.Name = value
		case "V":
			p.Version = value
		case "A":
			p.Architecture = value
		case "L":
			p.Licence = value
		case "o":
			p.Source = value
		case "m":
			p.Maintainer = value
		case "F":
			// The files begin here; there are no more fields of the package.
			return entry{p, func() ([]string, error) { return apkFiles(text), nil }}
		}
	}
	return entry{p, func() ([]string, error) { return nil, nil }}
}

// apkFiles parses the files of a package.
func apkFiles(text string) []string {
	var out []string
	dir := "/"
	for _, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "F":
			dir = "/" + value
			if value != "" {
				dir += "/"
			}
		case "R":
			out = append(out, dir+value)
		}
	}
	return out
}
