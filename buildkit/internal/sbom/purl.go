package sbom

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Package URLs, https://github.com/package-url/purl-spec/blob/main/PURL-SPECIFICATION.rst: a type, a name with a
// namespace before it, a version, and qualifiers sorted by name.

// GoPURL returns the package URL of a Go module, in lower case as the type's definition requires. An empty version is left
// out.
func GoPURL(path, version string) string {
	return "pkg:golang/" + escapePath(strings.ToLower(path)) + atVersion(version)
}

// purl returns the package URL of a package.
func (p Package) purl() string {
	if p.Kind == "" {
		return "pkg:generic/" + escape(p.Name) + atVersion(p.Version)
	}
	v, qualifiers := p.Version, map[string]string{"arch": p.Arch, "distro": p.Distro.name()}
	if epoch, rest, ok := strings.Cut(v, ":"); ok && p.Kind == "rpm" {
		v, qualifiers["epoch"] = rest, epoch
	}
	// Not part of the type's definition, but used by scanners that look up security notices by source package.
	if p.Source != "" && p.Source != p.Name {
		qualifiers["upstream"] = p.Source
	}
	// A sysroot without os-release(5) has no known distribution, but the type requires a vendor.
	vendor := p.Distro.ID
	if vendor == "" {
		vendor = map[string]string{"deb": "debian", "apk": "alpine", "rpm": "redhat"}[p.Kind]
	}
	return "pkg:" + p.Kind + "/" + escape(strings.ToLower(vendor)) + "/" + escape(p.purlName()) + atVersion(v) + qualified(qualifiers)
}

// purlName returns the name as the type requires it: Debian's and Alpine's in lower case.
func (p Package) purlName() string {
	if p.Kind == "rpm" {
		return p.Name
	}
	return strings.ToLower(p.Name)
}

// name returns the value of the qualifier "distro": "debian-12".
func (d Distro) name() string {
	if d.ID == "" || d.Version == "" {
		return d.ID
	}
	return d.ID + "-" + d.Version
}

// imagePURL returns the package URL of an image by its digest. The name is the last element of its repository.
func (s Subject) imagePURL() string {
	_, arch, _ := strings.Cut(s.Platform, "/")
	arch, _, _ = strings.Cut(arch, "/")
	return OCIPURL(s.Reference, s.Manifest, arch)
}

// purl returns the package URL of a base, or "" for a base from a file.
func (b *Base) purl() string {
	if b.Reference == "" {
		return ""
	}
	return OCIPURL(b.Reference, b.Digest, "")
}

// OCIPURL returns the package URL of an image for an architecture. An empty arch is left out.
func OCIPURL(reference, digest, arch string) string {
	repo, _, _ := strings.Cut(reference, "@")
	tag := ""
	if i := strings.LastIndex(repo, ":"); i > strings.LastIndex(repo, "/") {
		repo, tag = repo[:i], repo[i+1:]
	}
	qualifiers := map[string]string{"arch": arch, "tag": tag}
	if strings.Contains(repo, "/") {
		qualifiers["repository_url"] = repo
	}
	return "pkg:oci/" + escape(strings.ToLower(path.Base(repo))) + atVersion(digest) + qualified(qualifiers)
}

func atVersion(v string) string {
	if v == "" {
		return ""
	}
	return "@" + escape(v)
}

// qualified returns q as qualifiers, without the empty ones.
func qualified(q map[string]string) string {
	var list []string
	for name, value := range q {
		if value != "" {
			list = append(list, name+"="+strings.ReplaceAll(escape(value), "%2F", "/"))
		}
	}
	if len(list) == 0 {
		return ""
	}
	slices.Sort(list)
	return "?" + strings.Join(list, "&")
}

// escapePath escapes each element of a path.
func escapePath(p string) string {
	elements := strings.Split(p, "/")
	for i := range elements {
		elements[i] = escape(elements[i])
	}
	return strings.Join(elements, "/")
}

// escape percent-encodes all but letters, digits, ".", "-", "_", "~" and ":", which the specification leaves.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(".-_~:", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
