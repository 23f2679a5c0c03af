package sbom

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

const format = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: x\n\n"

func TestLicence(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		p     Package
		want  string
		texts map[string]string // by identifier, how they start
	}{
		"nothing": {Package{Kind: "deb"}, "", nil},
		"an expression": {Package{Kind: "apk", Licence: "mit and (bsd-2-clause OR GPL-2.0-or-later WITH GCC-exception-3.1)"},
			"MIT AND (BSD-2-Clause OR GPL-2.0-or-later WITH GCC-exception-3.1)", nil},
		"Fedora's old words": {Package{Kind: "rpm", Licence: "LGPLv2+ and MIT and GPLv3"}, "LGPL-2.0-or-later AND MIT AND GPL-3.0-only", nil},
		"words": {Package{Kind: "rpm", Name: "x", Distro: Distro{ID: "rhel"}, Licence: "BSD and Acme's own"}, "LicenseRef-rhel-x",
			map[string]string{"LicenseRef-rhel-x": "The database of packages says: BSD and Acme's own"}},
		"a list": {Package{Kind: "apk", Name: "x", Licence: "MIT BSD-2-Clause"}, "LicenseRef-apk-x",
			map[string]string{"LicenseRef-apk-x": "The database of packages says: MIT BSD-2-Clause"}},
		"half an expression": {Package{Kind: "apk", Name: "x", Licence: "(MIT AND"}, "LicenseRef-apk-x",
			map[string]string{"LicenseRef-apk-x": "The database of packages says: (MIT AND"}},
		"a file in words": {Package{Kind: "deb", Name: "libc++", Distro: Distro{ID: "debian"}, Copyright: "This is Debian's.\n\nLicense: none"}, "LicenseRef-debian-libc-",
			map[string]string{"LicenseRef-debian-libc-": "This is Debian's."}},
		"short names": {Package{Kind: "deb", Copyright: format + "Files: *\nLicense: LGPL-2.1+\n text\n\nFiles: a\nLicense: Expat\n\nFiles: b\nLicense: Expat\n"},
			"LGPL-2.1-or-later AND MIT", nil},
		"versions with a zero": {Package{Kind: "deb", Copyright: format + "Files: *\nLicense: GPL-2.0+ or GPL-3\n\nFiles: b\nLicense: GFDL-1.2\n"},
			"GFDL-1.2-only AND (GPL-2.0-or-later OR GPL-3.0-only)", nil},
		"and before or": {Package{Kind: "deb", Copyright: format + "Files: *\nLicense: GPL-2 or ISC and Zlib\n"}, "GPL-2.0-only OR ISC AND Zlib", nil},
		"a comma":       {Package{Kind: "deb", Copyright: format + "Files: *\nLicense: GPL-2 or ISC, and Zlib\n"}, "(GPL-2.0-only OR ISC) AND Zlib", nil},
		"no version": {Package{Kind: "deb", Name: "p", Copyright: format + "Files: *\nLicense: GPL\n"}, "LicenseRef-deb-p-GPL",
			map[string]string{"LicenseRef-deb-p-GPL": "See /usr/share/doc/p/copyright"}},
		"own texts": {Package{Kind: "deb", Name: "p", Copyright: format + "Files: *\nLicense: Acme or Expat\n\nFiles: b\nLicense: acme\n\nLicense: Acme\n First.\n .\n  Second.\n"},
			"(LicenseRef-deb-p-Acme OR MIT) AND LicenseRef-deb-p-acme",
			map[string]string{"LicenseRef-deb-p-Acme": "First.\n\n Second.", "LicenseRef-deb-p-acme": "First.\n\n Second."}},
		"an exception": {Package{Kind: "deb", Name: "p", Copyright: format + "Files: *\nLicense: GPL-2+ with OpenSSL and Bison exception\n May be linked.\n"},
			"LicenseRef-deb-p-GPL-2-with-OpenSSL-and-Bison-exception",
			map[string]string{"LicenseRef-deb-p-GPL-2-with-OpenSSL-and-Bison-exception": "May be linked."}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := test.p.licence()
			if got.Expression != test.want {
				t.Errorf("the expression is %q, want %q", got.Expression, test.want)
			}
			if len(got.Texts) != len(test.texts) {
				t.Errorf("there are the texts %+v", got.Texts)
			}
			for _, text := range got.Texts {
				if want := test.texts[text.ID]; want == "" || !strings.HasPrefix(text.Text, want) {
					t.Errorf("%s is %q, want %q", text.ID, text.Text, want)
				}
			}
		})
	}
}

// Every copyright file of this machine gives an expression of identifiers from SPDX or from the package itself.
func TestLicencesOfThisMachine(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("/usr/share/doc/*/copyright")
	if err != nil || len(files) == 0 {
		testkit.Skip(t, "there are no copyright files in /usr/share/doc")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // a link to a package that is gone
		}
		p := Package{Kind: "deb", Name: filepath.Base(filepath.Dir(name)), Copyright: string(text)}
		l := p.licence()
		words := licenceWord.FindAllString(l.Expression, -1)
		if !isExpression(words) {
			t.Errorf("%s: %q is not an expression", name, l.Expression)
		}
		for _, w := range words {
			known := w == "(" || w == ")" || w == "AND" || w == "OR" || licences()[strings.ToLower(w)] == w ||
				slices.ContainsFunc(l.Texts, func(text licenceText) bool { return text.ID == w && text.Text != "" })
			if !known {
				t.Errorf("%s: %q in %q is unknown", name, w, l.Expression)
			}
		}
	}
}

// The list of identifiers equals the one in CycloneDX's schema, which rejects others.
func TestLicenceList(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(schemas(t), "spdx.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct{ Enum []string }
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	slices.Sort(schema.Enum)
	if got := strings.Fields(licenceList); !slices.Equal(got, schema.Enum) {
		t.Errorf("licences.txt has %d identifiers, the schema %d", len(got), len(schema.Enum))
	}
}

// schemas returns the folder of CycloneDX's schemas, which are part of its Go module.
func schemas(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "schema")
}
