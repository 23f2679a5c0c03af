package sbom

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdxlib"
	"github.com/spdx/tools-golang/utils"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func file(path string, links ...string) File {
	sum := strings.Repeat("0", 39) + string("0123456789abcdef"[len(path)%16])
	return File{Path: path, SHA1: sum, SHA256: sum + strings.Repeat("f", 24), Reason: "for " + path, Links: links}
}

// subject returns a subject with one of everything, unsorted.
func subject() Subject {
	return Subject{
		Name: "app", Reference: "registry.example/acme/app:1.0", Platform: "linux/amd64",
		Manifest: "sha256:" + strings.Repeat("ab", 32), Config: "sha256:" + strings.Repeat("cd", 32),
		Created: time.Unix(1700000000, 0), Tool: "v0.1.0",
		Program: Program{File: file("/app", "/usr/lib/libz.so.1.2", "/usr/lib/libc.so.6", "/opt/own.so"), Info: &debug.BuildInfo{
			GoVersion: "go1.25.1 X:synctest", Path: "example.com/app/cmd/app", Main: debug.Module{Path: "example.com/app", Version: "(devel)"},
			Settings: []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "1"}, {Key: "-compiler", Value: "gc"}},
			Deps: []*debug.Module{
				{Path: "golang.org/x/text", Version: "v0.22.0", Sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
				{Path: "github.com/old/fork", Version: "v1.0.0", Replace: &debug.Module{Path: "github.com/new/fork", Version: "v1.1.0"}},
				{Path: "example.com/beside", Version: "v0.0.0", Replace: &debug.Module{Path: "../beside", Version: "(devel)"}},
			},
		}},
		Packages: []Package{
			{Kind: "deb", Name: "zlib1g", Version: "1:1.2", Arch: "amd64", Distro: Distro{"debian", "12"}, Source: "zlib", SourceVersion: "1:1.2",
				Copyright: format + "Files: *\nLicense: Zlib\n", Files: []File{file("/usr/lib/libz.so.1.2", "/usr/lib/libc.so.6")}},
			{Name: "tzdata", Licence: "public domain", Files: []File{file("/usr/share/zoneinfo/UTC"), file("/usr/share/zoneinfo/CET")}},
			{Kind: "deb", Name: "libc6", Version: "2.36", Arch: "amd64", Distro: Distro{"debian", "12"}, Copyright: "in words", Files: []File{file("/usr/lib/libc.so.6")}},
		},
		Files: []File{file("/opt/own.so", "/usr/lib/libc.so.6"), file("/etc/passwd")},
	}
}

// backwards returns the same subject in another order.
func backwards() Subject {
	s := subject()
	slices.Reverse(s.Packages)
	slices.Reverse(s.Files)
	slices.Reverse(s.Program.Links)
	slices.Reverse(s.Program.Info.Deps)
	slices.Reverse(s.Program.Info.Settings)
	for i := range s.Packages {
		slices.Reverse(s.Packages[i].Files)
	}
	return s
}

func write(t *testing.T, with func(Subject) ([]byte, error), s Subject) []byte {
	t.Helper()
	text, err := with(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The same image gives the same documents, whatever the order of its parts. Another name or digest gives others.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]func(Subject) ([]byte, error){"SPDX": SPDX, "CycloneDX": CycloneDX} {
		want := write(t, with, subject())
		if got := write(t, with, backwards()); !bytes.Equal(got, want) {
			t.Errorf("%s depends on the order of the subject", name)
		}
		if !bytes.Contains(want, []byte("2023-11-14T22:13:20Z")) {
			t.Errorf("%s has the wrong time", name)
		}
	}
	if a, b := subject(), subject(); a.uuid() != b.uuid() {
		t.Error("the same image has two document names")
	}
	other := subject()
	other.Manifest = "sha256:" + strings.Repeat("ef", 32)
	if other.uuid() == subject().uuid() {
		t.Error("two images have the same document name")
	}
	if id := subject().uuid(); len(id) != 36 || id[14] != '5' || !strings.ContainsRune("89ab", rune(id[19])) {
		t.Errorf("%s is not a UUID of version 5", id)
	}
}

// SPDX's own library reads the document, finds it complete, and computes the same checksums of its packages.
func TestSPDX(t *testing.T) {
	t.Parallel()
	doc, err := json.Read(bytes.NewReader(write(t, SPDX, subject())))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(doc); err != nil {
		t.Error(err)
	}
	files := map[common.ElementID]*spdx.File{}
	for _, f := range doc.Files {
		files[f.FileSPDXIdentifier] = f
	}
	in, relations := map[common.ElementID][]*spdx.File{}, []string{}
	short := func(id common.ElementID) string { return strings.TrimSuffix(string(id), id8(string(id))) }
	for _, r := range doc.Relationships {
		a, b := r.RefA.ElementRefID, r.RefB.ElementRefID
		if r.Relationship == common.TypeRelationshipContains && files[b] != nil {
			in[a] = append(in[a], files[b])
			continue
		}
		relations = append(relations, short(a)+" "+r.Relationship+" "+short(b))
	}
	var names []string
	for _, p := range doc.Packages {
		purl := ""
		for _, ref := range p.PackageExternalReferences {
			purl = ref.Locator
		}
		names = append(names, strings.Join([]string{p.PackageName, p.PackageVersion, p.PackageLicenseDeclared, purl}, " "))
		if !p.FilesAnalyzed {
			if len(in[p.PackageSPDXIdentifier]) > 0 {
				t.Errorf("%s has files although it was not analysed", p.PackageName)
			}
			continue
		}
		code, err := utils.GetVerificationCode(in[p.PackageSPDXIdentifier], "")
		if err != nil || code.Value != p.PackageVerificationCode.Value {
			t.Errorf("%s has the code %v, SPDX computes %v (%v)", p.PackageName, p.PackageVerificationCode, code, err)
		}
	}
	if want := []string{
		"app sha256:" + strings.Repeat("ab", 32) + " NOASSERTION pkg:oci/app@sha256:" + strings.Repeat("ab", 32) + "?arch=amd64&repository_url=registry.example/acme/app&tag=1.0",
		"example.com/app/cmd/app  NOASSERTION pkg:golang/example.com/app",
		"example.com/beside  NOASSERTION pkg:golang/example.com/beside",
		"github.com/new/fork v1.1.0 NOASSERTION pkg:golang/github.com/new/fork@v1.1.0",
		"golang.org/x/text v0.22.0 NOASSERTION pkg:golang/golang.org/x/text@v0.22.0",
		"stdlib 1.25.1 NOASSERTION pkg:golang/stdlib@1.25.1",
		"go 1.25.1 NOASSERTION pkg:generic/go@1.25.1",
		"tzdata  LicenseRef-data-tzdata pkg:generic/tzdata",
		"libc6 2.36 LicenseRef-debian-libc6 pkg:deb/debian/libc6@2.36?arch=amd64&distro=debian-12",
		"zlib1g 1:1.2 Zlib pkg:deb/debian/zlib1g@1:1.2?arch=amd64&distro=debian-12&upstream=zlib",
	}; !slices.Equal(names, want) {
		t.Errorf("the packages are\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	for _, want := range []string{
		"DOCUMENT DESCRIBES Image", "Image CONTAINS Program", "Program DEPENDS_ON Go-golang.org-x-text-v0.22.0", "Go-toolchain BUILD_TOOL_OF Program",
		"File-app DYNAMIC_LINK File-usr-lib-libz.so.1.2", "File-opt-own.so DYNAMIC_LINK File-usr-lib-libc.so.6",
		"Program DEPENDS_ON Package-libc6-2.36", "Package-zlib1g-1-1.2 DEPENDS_ON Package-libc6-2.36", "Image CONTAINS Package-tzdata",
	} {
		if !slices.Contains(relations, want) {
			t.Errorf("the relationship %s is missing; there are\n%s", want, strings.Join(relations, "\n"))
		}
	}
	if len(doc.OtherLicenses) != 2 || doc.OtherLicenses[1].ExtractedText != "in words" {
		t.Errorf("the texts are %+v", doc.OtherLicenses)
	}
}

// id8 returns the checksum at the end of an identifier, if it has one.
func id8(id string) string {
	if i := len(id) - 9; i > 0 && id[i] == '-' && strings.Trim(id[i+1:], "0123456789abcdef") == "" {
		return id[i:]
	}
	return ""
}

// CycloneDX's own library reads the document, and it matches the schema.
func TestCycloneDX(t *testing.T) {
	t.Parallel()
	text := write(t, CycloneDX, subject())
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.SpecVersion != cdx.SpecVersion1_6 || bom.SerialNumber != "urn:uuid:"+subject().uuid() {
		t.Errorf("it is %s of CycloneDX %s", bom.SerialNumber, bom.SpecVersion)
	}
	refs := map[string]bool{bom.Metadata.Component.BOMRef: true}
	var paths []string
	var visit func(list *[]cdx.Component)
	visit = func(list *[]cdx.Component) {
		if list == nil {
			return
		}
		for _, c := range *list {
			if refs[c.BOMRef] {
				t.Errorf("%s is there twice", c.BOMRef)
			}
			refs[c.BOMRef] = true
			if c.Type == cdx.ComponentTypeFile {
				paths = append(paths, c.Name)
			}
			visit(c.Components)
		}
	}
	visit(bom.Components)
	slices.Sort(paths)
	if want := []string{"/app", "/etc/passwd", "/opt/own.so", "/usr/lib/libc.so.6", "/usr/lib/libz.so.1.2", "/usr/share/zoneinfo/CET", "/usr/share/zoneinfo/UTC"}; !slices.Equal(paths, want) {
		t.Errorf("the files are %q, want %q", paths, want)
	}
	for _, d := range *bom.Dependencies {
		for _, on := range *d.Dependencies {
			if !refs[d.Ref] || !refs[on] {
				t.Errorf("%s needs %s, but one of the two is missing", d.Ref, on)
			}
		}
	}
	valid(t, text)
}

// The schema check works: it finds an error.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	text := bytes.Replace(write(t, CycloneDX, subject()), []byte(`"type": "library"`), []byte(`"type": "book"`), 1)
	if out, err := readBy(t, "cyclonedx", schemas(t), text); err == nil || !strings.Contains(out, "must be one of") {
		t.Errorf("the schema says %q (%v)", out, err)
	}
}

// The packages of a base are listed once, below the base.
func TestBase(t *testing.T) {
	t.Parallel()
	s := subject()
	s.Base = &Base{Name: "alpine:3.20", Reference: "alpine:3.20", Digest: "sha256:" + strings.Repeat("01", 32), Packages: []Package{
		{Kind: "apk", Name: "musl", Version: "1.2.5-r0", Arch: "x86_64", Licence: "MIT", Distro: Distro{"alpine", "3.20.1"}},
		{Kind: "deb", Name: "libc6", Version: "2.36", Arch: "amd64", Distro: Distro{"debian", "12"}}, // which the image has too
	}}
	text := write(t, CycloneDX, s)
	valid(t, text)
	if n := bytes.Count(text, []byte(`"name": "libc6"`)); n != 1 || !bytes.Contains(text, []byte("pkg:oci/alpine@sha256:0101")) {
		t.Errorf("libc6 is listed %d times", n)
	}
	doc, err := json.Read(bytes.NewReader(write(t, SPDX, s)))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(doc); err != nil {
		t.Error(err)
	}
	var said []string
	for _, r := range doc.Relationships {
		if a, b := string(r.RefA.ElementRefID), string(r.RefB.ElementRefID); a == "Base" || b == "Base" {
			said = append(said, a+" "+r.Relationship+" "+strings.TrimSuffix(b, id8(b)))
		}
	}
	if want := []string{"Image DESCENDANT_OF Base", "Base CONTAINS Package-musl-1.2.5-r0"}; !slices.Equal(said, want) {
		t.Errorf("the base is described as %q, want %q", said, want)
	}
}

// A program in another language has no modules.
func TestNotGo(t *testing.T) {
	t.Parallel()
	s := subject()
	s.Program.Info = nil
	if text := write(t, SPDX, s); bytes.Contains(text, []byte("pkg:golang")) || !bytes.Contains(text, []byte(`"name": "app"`)) {
		t.Error("SPDX has Go modules, or lacks the program")
	}
	text := write(t, CycloneDX, s)
	if bytes.Contains(text, []byte("pkg:golang")) {
		t.Error("CycloneDX has Go modules")
	}
	valid(t, text)
}

// An independent reader can read the document.
func TestReadSPDX(t *testing.T) {
	t.Parallel()
	out, err := readBy(t, "spdx", "", write(t, SPDX, subject()))
	if err != nil {
		t.Fatal(out)
	}
	for _, want := range []string{
		"package libc6 2.36 LicenseRef-debian-libc6\n", "package github.com/new/fork v1.1.0 NOASSERTION\n",
		"file " + file("/usr/lib/libz.so.1.2").SHA256 + " ./usr/lib/libz.so.1.2\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// valid checks a document against the schema of CycloneDX.
func valid(t *testing.T, text []byte) {
	t.Helper()
	if out, err := readBy(t, "cyclonedx", schemas(t), text); err != nil {
		t.Errorf("the schema of CycloneDX says\n%s", out)
	}
}

// readBy reads a document with the program in testdata/reader.
func readBy(t *testing.T, format, schemas string, text []byte) (string, error) {
	t.Helper()
	dir := t.TempDir()
	name, reader := filepath.Join(dir, "document.json"), filepath.Join(dir, "reader")
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-C", "testdata/reader", "-o", reader, ".").CombinedOutput(); err != nil {
		testkit.Skip(t, "the reader cannot be built: "+string(out))
	}
	args := []string{format, schemas, name}
	if schemas == "" {
		args = []string{format, name}
	}
	out, err := exec.Command(reader, args...).CombinedOutput()
	return string(out), err
}
