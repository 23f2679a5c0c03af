package sbom

import (
	"bytes"
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// CycloneDXMediaType is the media type of [CycloneDX]'s document,
// https://www.iana.org/assignments/media-types/application/vnd.cyclonedx+json.
const CycloneDXMediaType = "application/vnd.cyclonedx+json"

// CycloneDX returns the bill of materials in CycloneDX 1.6, as JSON (https://cyclonedx.org/docs/1.6/json/).
func CycloneDX(s Subject) ([]byte, error) {
	s = s.sorted()
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + s.uuid()
	bom.Metadata = &cdx.Metadata{
		Timestamp: s.created(),
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{{
			Type: cdx.ComponentTypeApplication, Name: "fromscratch", Version: s.Tool,
		}}},
		Component: imageComponent(s),
	}
	components := append(s.Base.components(), programComponents(s.Program)...)
	for _, p := range s.Packages {
		components = append(components, p.component())
	}
	components = append(components, fileComponents(s.Files)...)
	bom.Components = &components
	bom.Dependencies = dependencies(s)
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(bom); err != nil {
		return nil, fmt.Errorf("writing the CycloneDX document of %q: %w", s.Reference, err)
	}
	return out.Bytes(), nil
}

func imageComponent(s Subject) *cdx.Component {
	c := &cdx.Component{
		BOMRef: imageID, Type: cdx.ComponentTypeContainer, Name: s.Name, Version: s.Manifest, PackageURL: s.imagePURL(),
		Properties: properties("reference", s.Reference, "platform", s.Platform, "config", s.Config),
	}
	if sum, ok := strings.CutPrefix(s.Manifest, "sha256:"); ok {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
	}
	return c
}

// components returns the base as a component that contains its packages, or nil if there is no base.
func (b *Base) components() []cdx.Component {
	if b == nil {
		return nil
	}
	packages := []cdx.Component{}
	for _, p := range b.Packages {
		packages = append(packages, p.component())
	}
	return []cdx.Component{{
		BOMRef: baseID, Type: cdx.ComponentTypeContainer, Name: b.Name, Version: b.Digest, PackageURL: b.purl(), Components: &packages,
	}}
}

// programComponents returns the program, and the modules and toolchain that it was compiled from.
func programComponents(program Program) []cdx.Component {
	files := fileComponents([]File{program.File})
	main := cdx.Component{
		BOMRef: programID, Type: cdx.ComponentTypeApplication, Name: strings.TrimPrefix(program.Path, "/"), Components: &files,
		Hashes: hashes(program.File),
	}
	if program.Info == nil {
		return []cdx.Component{main}
	}
	all := modules(program.Info)
	main.Name, main.Version, main.PackageURL = program.Info.Path, all[0].Version, GoPURL(all[0].From, all[0].Version)
	words := []string{"go:version", program.Info.GoVersion, "go:module", all[0].Path}
	for _, setting := range settings(program.Info) {
		words = append(words, "go:setting:"+setting.Key, setting.Value)
	}
	main.Properties = properties(words...)
	list := []cdx.Component{main}
	for _, m := range all[1:] {
		c := cdx.Component{
			BOMRef: m.id(), Type: cdx.ComponentTypeLibrary, Name: m.From, Version: m.Version, Description: m.Comment,
			PackageURL: GoPURL(m.From, m.Version),
		}
		if m.SHA256 != "" {
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: m.SHA256}}
		}
		list = append(list, c)
	}
	v := goVersion(program.Info)
	return append(list,
		cdx.Component{BOMRef: stdlibID, Type: cdx.ComponentTypeLibrary, Name: stdlib, Version: v, PackageURL: GoPURL(stdlib, v)},
		// The toolchain is not in the image.
		cdx.Component{BOMRef: toolchainID, Type: cdx.ComponentTypeApplication, Name: "go", Version: v, PackageURL: "pkg:generic/go" + atVersion(v), Scope: cdx.ScopeExcluded})
}

// component returns a package as a component that contains its files.
func (p Package) component() cdx.Component {
	files := fileComponents(p.Files)
	c := cdx.Component{
		BOMRef: p.id(), Type: cdx.ComponentTypeLibrary, Name: p.Name, Version: p.Version, PackageURL: p.purl(),
		Licenses: p.licence().choice(), Description: p.sourceWords(), Components: &files,
	}
	if p.Kind == "" {
		c.Type = cdx.ComponentTypeData
	}
	if p.Distro.ID != "" {
		c.Supplier = &cdx.OrganizationalEntity{Name: p.Distro.ID}
	}
	return c
}

// choice returns a licence for CycloneDX: an identifier, a name with a text, or an expression without a text.
func (l licence) choice() *cdx.Licenses {
	switch {
	case l.Expression == "":
		return nil
	case len(l.Texts) == 1 && l.Texts[0].ID == l.Expression:
		text := l.Texts[0]
		return &cdx.Licenses{{License: &cdx.License{Name: text.Name, Text: &cdx.AttachedText{Content: text.Text, ContentType: "text/plain"}}}}
	case !strings.ContainsAny(l.Expression, " ("):
		return &cdx.Licenses{{License: &cdx.License{ID: l.Expression}}}
	}
	return &cdx.Licenses{{Expression: l.Expression}}
}

func fileComponents(files []File) []cdx.Component {
	list := []cdx.Component{}
	for _, f := range files {
		list = append(list, cdx.Component{
			BOMRef: f.id(), Type: cdx.ComponentTypeFile, Name: f.Path, Description: f.Reason, Hashes: hashes(f),
		})
	}
	return list
}

func hashes(f File) *[]cdx.Hash {
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA1, Value: f.SHA1}, {Algorithm: cdx.HashAlgoSHA256, Value: f.SHA256}}
}

// properties returns properties in fromscratch's namespace. words are names and values, alternating.
func properties(words ...string) *[]cdx.Property {
	list := []cdx.Property{}
	for i := 0; i+1 < len(words); i += 2 {
		list = append(list, cdx.Property{Name: "fromscratch:" + words[i], Value: words[i+1]})
	}
	return &list
}

// dependencies returns which component needs which. It has none between modules, because the program does not record them.
func dependencies(s Subject) *[]cdx.Dependency {
	needs, order := map[string][]string{}, []string{imageID, programID}
	needs[imageID] = []string{programID}
	if s.Base != nil {
		order, needs[imageID] = append(order, baseID), append(needs[imageID], baseID)
	}
	if s.Program.Info != nil {
		for _, m := range modules(s.Program.Info)[1:] {
			needs[programID] = append(needs[programID], m.id())
		}
		needs[programID] = append(needs[programID], stdlibID)
	}
	for _, p := range s.Packages {
		order, needs[imageID] = append(order, p.id()), append(needs[imageID], p.id())
	}
	for _, f := range s.Files {
		order, needs[imageID] = append(order, f.id()), append(needs[imageID], f.id())
	}
	for _, e := range s.partEdges() {
		needs[e.from] = append(needs[e.from], e.to)
	}
	list := []cdx.Dependency{}
	for _, ref := range order {
		on := append([]string{}, needs[ref]...)
		list = append(list, cdx.Dependency{Ref: ref, Dependencies: &on})
	}
	return &list
}
