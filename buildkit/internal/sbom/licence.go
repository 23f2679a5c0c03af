package sbom

import (
	"cmp"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// licence is the licence of a package.
type licence struct {
	// Expression is an SPDX expression, https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/, or "" if unknown.
	Expression string
	Texts      []licenceText // of the licences in it that SPDX's list lacks
}

// licenceText is a licence that SPDX's list lacks.
type licenceText struct {
	ID   string // "LicenseRef-…"
	Name string // as the package calls it
	Text string
}

// noAssertion is SPDX's word for an unknown value.
const noAssertion = "NOASSERTION"

//go:embed licences.txt
var licenceList string

// licences returns the identifiers of SPDX's lists of licences and exceptions, by lower-case name.
var licences = sync.OnceValue(func() map[string]string {
	ids := map[string]string{}
	for _, id := range strings.Fields(licenceList) {
		ids[strings.ToLower(id)] = id
	}
	return ids
})

// licenceAliases are names that mean exactly one licence of the list. They are Debian's,
// https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/#license-specification, and Fedora's before 2022.
var licenceAliases = map[string]string{
	"expat": "MIT", "cc0": "CC0-1.0", "apache-2": "Apache-2.0",
	"gplv2": "GPL-2.0-only", "gplv2+": "GPL-2.0-or-later", "gplv3": "GPL-3.0-only", "gplv3+": "GPL-3.0-or-later",
	"lgplv2": "LGPL-2.0-only", "lgplv2+": "LGPL-2.0-or-later", "lgplv3": "LGPL-3.0-only", "lgplv3+": "LGPL-3.0-or-later",
	"lgplv2.1": "LGPL-2.1-only", "lgplv2.1+": "LGPL-2.1-or-later",
}

// gnu matches the names of the GNU licences with a version and an optional plus sign.
var gnu = regexp.MustCompile(`(?i)^(A?GPL|LGPL|GFDL)-([123](?:\.[0-9])?)(?:\.0)?(\+?)$`)

// identify returns the SPDX identifier for a name, or "" if none means exactly this.
func identify(name string) string {
	if m := gnu.FindStringSubmatch(name); m != nil {
		v := m[2]
		if !strings.Contains(v, ".") {
			v += ".0"
		}
		if strings.EqualFold(m[1], "GFDL") {
			v = strings.TrimSuffix(v, ".0") // its versions are 1.1, 1.2 and 1.3
		}
		return licences()[strings.ToLower(m[1]+"-"+v+map[string]string{"": "-only", "+": "-or-later"}[m[3]])]
	}
	if id := licenceAliases[strings.ToLower(name)]; id != "" {
		return id
	}
	return licences()[strings.ToLower(name)]
}

// licence returns the package's licence.
func (p Package) licence() licence {
	switch {
	case p.Licence != "":
		return p.statedLicence()
	case p.Copyright != "":
		return p.debianLicence()
	}
	return licence{}
}

// licenceWord matches a word or a parenthesis of an expression.
var licenceWord = regexp.MustCompile(`[()]|[^()\s]+`)

// statedLicence returns the licence that a package database states. If it is not an expression of known identifiers, it
// becomes a licence of this package alone.
func (p Package) statedLicence() licence {
	words := licenceWord.FindAllString(p.Licence, -1)
	for i, w := range words {
		switch upper := strings.ToUpper(w); {
		case upper == "AND", upper == "OR", upper == "WITH":
			words[i] = upper
		case w == "(", w == ")":
		case identify(w) != "":
			words[i] = identify(w)
		default:
			return p.wordsLicence()
		}
	}
	if !isExpression(words) {
		return p.wordsLicence()
	}
	text := strings.Join(words, " ")
	return licence{Expression: strings.NewReplacer("( ", "(", " )", ")").Replace(text)}
}

// wordsLicence returns a licence of which only the name is known.
func (p Package) wordsLicence() licence {
	if p.Kind == "" {
		return p.ownLicence("", p.Licence, p.Licence)
	}
	return p.ownLicence("", p.Licence, "The database of packages says: "+p.Licence)
}

// isExpression reports whether words are an expression: operators between operands, and balanced parentheses.
func isExpression(words []string) bool {
	depth, operand := 0, false // the last word was an operand
	for _, w := range words {
		switch w {
		case "(", ")":
			if (w == ")") != operand {
				return false
			}
			if w == "(" {
				depth++
			} else if depth--; depth < 0 {
				return false
			}
		case "AND", "OR", "WITH":
			if !operand {
				return false
			}
			operand = false
		default:
			if operand {
				return false
			}
			operand = true
		}
	}
	return operand && depth == 0
}

// notInRef matches the characters that an SPDX identifier cannot have.
var notInRef = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// ref returns the identifier of a licence of this package alone: two packages may use one name for different texts.
func (p Package) ref(name string) string {
	vendor := cmp.Or(p.Distro.ID, p.Kind, "data")
	id := fmt.Sprintf("LicenseRef-%s-%s", vendor, notInRef.ReplaceAllString(p.Name, "-"))
	if name = strings.Trim(notInRef.ReplaceAllString(name, "-"), "-"); name != "" {
		id += "-" + name
	}
	return id
}

// ownLicence returns a licence that only this package has.
func (p Package) ownLicence(suffix, name, text string) licence {
	id := p.ref(suffix)
	return licence{Expression: id, Texts: []licenceText{{ID: id, Name: name, Text: text}}}
}

// allOf returns the conjunction of expressions, sorted and without duplicates.
func allOf(list []string) string {
	var flat []string
	for _, x := range list {
		if strings.ContainsAny(x, "(") || strings.Contains(x, " OR ") {
			flat = append(flat, x)
			continue
		}
		flat = append(flat, strings.Split(x, " AND ")...)
	}
	slices.Sort(flat)
	list = slices.Compact(flat)
	if len(list) == 1 {
		return list[0]
	}
	for i, x := range list {
		if strings.Contains(x, " OR ") {
			list[i] = "(" + x + ")"
		}
	}
	return strings.Join(list, " AND ")
}
