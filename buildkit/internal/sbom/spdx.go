package sbom

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// SPDXMediaType is the media type of [SPDX]'s document, https://www.iana.org/assignments/media-types/application/spdx+json.
const SPDXMediaType = "application/spdx+json"

// spdxNamespace starts the names of the documents. It does not have to resolve
// (https://spdx.github.io/spdx-spec/v2.3/document-creation-information/#65-spdx-document-namespace-field).
const spdxNamespace = "https://github.com/fromscratch-go/fromscratch/spdx/"

// SPDX returns the bill of materials in SPDX 2.3, as JSON (https://spdx.github.io/spdx-spec/v2.3/).
func SPDX(s Subject) ([]byte, error) {
	s = s.sorted()
	w := spdxWriter{licences: map[string]bool{}, doc: &spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName: s.Reference, DocumentNamespace: spdxNamespace + escape(s.Name) + "-" + s.uuid(),
		CreationInfo: &spdx.CreationInfo{
			Created: s.created(), Creators: []common.Creator{{CreatorType: "Tool", Creator: s.generator()}},
		},
	}}
	w.image(s)
	w.base(s.Base)
	w.program(s.Program)
	for _, p := range s.Packages {
		w.pkg(imageID, p)
	}
	w.links(s)
	var out bytes.Buffer
	if err := json.Write(w.doc, &out, json.Indent(" "), json.EscapeHTML(false)); err != nil {
		return nil, fmt.Errorf("writing the SPDX document of %q: %w", s.Reference, err)
	}
	return out.Bytes(), nil
}

// spdxWriter builds a document.
type spdxWriter struct {
	doc      *spdx.Document
	licences map[string]bool // whose text was added
}

// image adds the image, and the files that belong to no package.
func (w *spdxWriter) image(s Subject) {
	p := newPackage(imageID, s.Name, s.Manifest, s.imagePURL(), "CONTAINER")
	p.PackageComment = fmt.Sprintf("image %s for %s, configuration %s", s.Reference, s.Platform, s.Config)
	if sum, ok := strings.CutPrefix(s.Manifest, "sha256:"); ok {
		p.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: sum}}
	}
	w.relate("DOCUMENT", common.TypeRelationshipDescribe, imageID)
	w.add(p, s.Files)
}

// base adds the image that this image builds on.
func (w *spdxWriter) base(b *Base) {
	if b == nil {
		return
	}
	w.add(newPackage(baseID, b.Name, b.Digest, b.purl(), "CONTAINER"), nil)
	w.relate(imageID, common.TypeRelationshipDescendantOf, baseID)
	for _, p := range b.Packages {
		w.pkg(baseID, p)
	}
}

// program adds the program with the modules that it was compiled from.
func (w *spdxWriter) program(program Program) {
	w.relate(imageID, common.TypeRelationshipContains, programID)
	if program.Info == nil {
		p := newPackage(programID, strings.TrimPrefix(program.Path, "/"), "", "", "APPLICATION")
		w.add(p, []File{program.File})
		return
	}
	all := modules(program.Info)
	main := newPackage(programID, program.Info.Path, all[0].Version, GoPURL(all[0].From, all[0].Version), "APPLICATION")
	main.PackageSourceInfo = "main module " + all[0].Path
	var words []string
	for _, setting := range settings(program.Info) {
		words = append(words, setting.Key+"="+setting.Value)
	}
	main.PackageComment = strings.Join(append([]string{program.Info.GoVersion}, words...), "\n")
	w.add(main, []File{program.File})
	for _, m := range all[1:] {
		p := newPackage(m.id(), m.From, m.Version, GoPURL(m.From, m.Version), "LIBRARY")
		p.PackageComment = m.Comment
		if m.SHA256 != "" {
			p.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: m.SHA256}}
		}
		w.add(p, nil)
		w.relate(programID, common.TypeRelationshipDependsOn, m.id())
	}
	v := goVersion(program.Info)
	w.add(newPackage(stdlibID, stdlib, v, GoPURL(stdlib, v), "LIBRARY"), nil)
	w.relate(programID, common.TypeRelationshipDependsOn, stdlibID)
	w.add(newPackage(toolchainID, "go", v, "pkg:generic/go"+atVersion(v), "APPLICATION"), nil)
	w.relate(toolchainID, common.TypeRelationshipBuildToolOf, programID)
}

// pkg adds a package of an image, with its files.
func (w *spdxWriter) pkg(of string, p Package) {
	purpose := "LIBRARY"
	if p.Kind == "" {
		purpose = "OTHER"
	}
	out := newPackage(p.id(), p.Name, p.Version, p.purl(), purpose)
	out.PackageSourceInfo = p.sourceWords()
	if p.Distro.ID != "" {
		out.PackageSupplier = &common.Supplier{SupplierType: "Organization", Supplier: p.Distro.ID}
	}
	l := p.licence()
	if l.Expression != "" {
		out.PackageLicenseDeclared = l.Expression
	}
	for _, text := range l.Texts {
		if w.licences[text.ID] {
			continue // of the same package for another architecture
		}
		w.licences[text.ID] = true
		w.doc.OtherLicenses = append(w.doc.OtherLicenses, &spdx.OtherLicense{
			LicenseIdentifier: text.ID, LicenseName: text.Name, ExtractedText: text.Text,
		})
	}
	w.relate(of, common.TypeRelationshipContains, p.id())
	w.add(out, p.Files)
}

// sourceWords returns which source package a package was built from, for people.
func (p Package) sourceWords() string {
	if p.Source == "" {
		return ""
	}
	return strings.TrimSpace("built from the source package " + p.Source + " " + p.SourceVersion)
}

// links adds which files the loader maps together, and the dependencies of packages that follow from it.
func (w *spdxWriter) links(s Subject) {
	known := s.parts()
	for _, f := range s.allFiles() {
		for _, to := range f.Links {
			if known[to] != "" {
				w.relate(f.id(), common.TypeRelationshipDynamicLink, File{Path: to}.id())
			}
		}
	}
	for _, e := range s.partEdges() {
		w.relate(e.from, common.TypeRelationshipDependsOn, e.to)
	}
}

// newPackage returns a package without any claims beyond the arguments.
func newPackage(id, name, version, purl, purpose string) *spdx.Package {
	p := &spdx.Package{
		PackageName: name, PackageSPDXIdentifier: common.ElementID(id), PackageVersion: version,
		PackageDownloadLocation: noAssertion, PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: noAssertion,
		PackageCopyrightText: noAssertion, PrimaryPackagePurpose: purpose,
	}
	if purl != "" {
		p.PackageExternalReferences = []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: purl,
		}}
	}
	return p
}

// add adds a package and its files. Only a package whose files were analysed may have files
// (https://spdx.github.io/spdx-spec/v2.3/package-information/#78-files-analyzed-field).
func (w *spdxWriter) add(p *spdx.Package, files []File) {
	w.doc.Packages = append(w.doc.Packages, p)
	if len(files) == 0 {
		return
	}
	p.FilesAnalyzed = true
	p.PackageVerificationCode = &common.PackageVerificationCode{Value: verificationCode(files)}
	for _, f := range files {
		w.doc.Files = append(w.doc.Files, &spdx.File{
			FileName: "." + f.Path, FileSPDXIdentifier: common.ElementID(f.id()),
			Checksums:        []common.Checksum{{Algorithm: common.SHA1, Value: f.SHA1}, {Algorithm: common.SHA256, Value: f.SHA256}},
			LicenseConcluded: noAssertion, LicenseInfoInFiles: []string{noAssertion}, FileCopyrightText: noAssertion,
			FileComment: f.Reason,
		})
		w.relate(string(p.PackageSPDXIdentifier), common.TypeRelationshipContains, f.id())
	}
}

// verificationCode returns a checksum over the files of a package
// (https://spdx.github.io/spdx-spec/v2.3/package-information/#79-package-verification-code-field).
func verificationCode(files []File) string {
	var sums []string
	for _, f := range files {
		sums = append(sums, f.SHA1)
	}
	slices.Sort(sums)
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(sums, ""))))
}

// relate adds a relationship.
func (w *spdxWriter) relate(a, relationship, b string) {
	w.doc.Relationships = append(w.doc.Relationships, &spdx.Relationship{
		RefA: common.MakeDocElementID("", a), RefB: common.MakeDocElementID("", b), Relationship: relationship,
	})
}
