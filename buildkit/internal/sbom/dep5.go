package sbom

import "strings"

// debianLicence reads Debian's copyright file,
// https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/. Some of its paragraphs are about files and name
// a licence, the others have the licences' texts. The licences of all files count for the package. A free-form file
// becomes a licence of its own.
func (p Package) debianLicence() licence {
	c := parseCopyright(p.Copyright)
	if len(c.names) == 0 {
		return p.ownLicence("", "as in /usr/share/doc/"+p.Name+"/copyright", p.Copyright)
	}
	var out licence
	var all []string
	seen := map[string]bool{}
	for _, name := range c.names {
		x := c.expression(name, func(short string) string {
			id := p.ref(short)
			if !seen[id] {
				seen[id] = true
				text := c.texts[strings.ToLower(short)]
				if text == "" {
					text = "See /usr/share/doc/" + p.Name + "/copyright of the package."
				}
				out.Texts = append(out.Texts, licenceText{ID: id, Name: short, Text: text})
			}
			return id
		})
		all = append(all, x)
	}
	out.Expression = allOf(all)
	if !isExpression(licenceWord.FindAllString(out.Expression, -1)) {
		return p.ownLicence("", "as in /usr/share/doc/"+p.Name+"/copyright", p.Copyright)
	}
	return out
}

// copyright is a machine-readable copyright file.
type copyright struct {
	names []string          // licence names in paragraphs about files, as written
	texts map[string]string // licence texts by short name in lower case
}

// parseCopyright parses the paragraphs. Without the field Format, the file is free-form.
func parseCopyright(text string) copyright {
	c := copyright{texts: map[string]string{}}
	paragraphs := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	if _, ok := fieldsOf(paragraphs[0])["format"]; !ok {
		return c
	}
	seen := map[string]bool{}
	for _, p := range paragraphs {
		fields := fieldsOf(p)
		name, body, _ := strings.Cut(fields["license"], "\n")
		name = strings.Join(strings.Fields(name), " ")
		if name == "" {
			continue
		}
		if body = licenceBody(body); body != "" && c.texts[strings.ToLower(name)] == "" {
			c.texts[strings.ToLower(name)] = body
		}
		if _, files := fields["files"]; files && !seen[name] {
			seen[name] = true
			c.names = append(c.names, name)
		}
	}
	return c
}

// fieldsOf returns the fields of a paragraph of deb822(5), by lower-case name. A line that starts with a space continues
// the field before.
func fieldsOf(paragraph string) map[string]string {
	fields := map[string]string{}
	last := ""
	for _, line := range strings.Split(strings.Trim(paragraph, "\n"), "\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			if last != "" {
				fields[last] += "\n" + line
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if last = ""; ok && !strings.Contains(name, " ") {
			last = strings.ToLower(name)
			fields[last] = strings.TrimSpace(value)
		}
	}
	return fields
}

// licenceBody returns the text of a multi-line field. A line with a dot is an empty line.
func licenceBody(body string) string {
	lines := strings.Split(body, "\n")
	for i, l := range lines {
		if lines[i] = strings.TrimPrefix(l, " "); strings.TrimSpace(l) == "." {
			lines[i] = ""
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// expression parses "A or B, and C" into an SPDX expression. "and" binds tighter than "or", unless a comma precedes it.
// own returns an identifier for a short name that SPDX does not have.
func (c copyright) expression(name string, own func(short string) string) string {
	// A name with its own text is one name, whatever words it contains.
	if c.texts[strings.ToLower(name)] != "" && identify(name) == "" && !allKnown(name) {
		return own(name)
	}
	for _, op := range []struct{ word, spdx string }{{", and ", " AND "}, {" or ", " OR "}, {" and ", " AND "}} {
		parts := splitFold(name, op.word)
		if len(parts) == 1 {
			continue
		}
		for i, part := range parts {
			parts[i] = c.expression(strings.Trim(part, " ,"), own)
			if op.spdx == " AND " && strings.Contains(parts[i], " OR ") {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, op.spdx)
	}
	if id := identify(name); id != "" {
		return id
	}
	return own(name)
}

// allKnown reports whether a name consists of identifiers that SPDX has.
func allKnown(name string) bool {
	known := false
	for _, w := range strings.Fields(strings.ReplaceAll(name, ",", " ")) {
		if l := strings.ToLower(w); l == "and" || l == "or" {
			continue
		}
		if identify(w) == "" {
			return false
		}
		known = true
	}
	return known
}

// splitFold splits at a separator, ignoring case.
func splitFold(s, sep string) []string {
	var parts []string
	for lower := strings.ToLower(s); ; {
		i := strings.Index(lower, sep)
		if i < 0 || len(lower) != len(s) { // no known name has a letter that is longer in lower case
			return append(parts, s)
		}
		parts = append(parts, s[:i])
		s, lower = s[i+len(sep):], lower[i+len(sep):]
	}
}
