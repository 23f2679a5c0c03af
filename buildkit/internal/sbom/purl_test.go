package sbom

import "testing"

func TestPackageURL(t *testing.T) {
	t.Parallel()
	debian := Distro{ID: "debian", Version: "12"}
	tests := map[string]struct {
		p    Package
		want string
	}{
		"deb":                      {Package{Kind: "deb", Name: "libc6", Version: "2.36-9", Arch: "amd64", Distro: debian, Source: "glibc"}, "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc"},
		"deb of a source its name": {Package{Kind: "deb", Name: "openssl", Version: "3.0.19-1~deb12u2", Arch: "amd64", Distro: debian, Source: "openssl"}, "pkg:deb/debian/openssl@3.0.19-1~deb12u2?arch=amd64&distro=debian-12"},
		"deb with an epoch":        {Package{Kind: "deb", Name: "libstdc++6", Version: "1:1.2.13+dfsg-1", Arch: "amd64", Distro: debian}, "pkg:deb/debian/libstdc%2B%2B6@1:1.2.13%2Bdfsg-1?arch=amd64&distro=debian-12"},
		"deb of no known distro":   {Package{Kind: "deb", Name: "libc6", Version: "2"}, "pkg:deb/debian/libc6@2"},
		"apk":                      {Package{Kind: "apk", Name: "musl", Version: "1.2.4-r2", Arch: "x86_64", Distro: Distro{ID: "alpine", Version: "3.18.4"}}, "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.18.4"},
		"rpm with an epoch":        {Package{Kind: "rpm", Name: "openssl-libs", Version: "1:3.0.7-18.el9_2", Arch: "x86_64", Distro: Distro{ID: "rhel", Version: "9.2"}}, "pkg:rpm/rhel/openssl-libs@3.0.7-18.el9_2?arch=x86_64&distro=rhel-9.2&epoch=1"},
		"rolling":                  {Package{Kind: "deb", Name: "x", Version: "1", Distro: Distro{ID: "debian"}}, "pkg:deb/debian/x@1?distro=debian"},
		"data":                     {Package{Name: "tzdata", Version: "2025c"}, "pkg:generic/tzdata@2025c"},
		"data without a version":   {Package{Name: "tzdata"}, "pkg:generic/tzdata"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.p.purl(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestGoPURL(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"github.com/BurntSushi/toml":  "pkg:golang/github.com/burntsushi/toml@v2.0.0%2Bincompatible",
		"github.com/acme/x/v2":        "pkg:golang/github.com/acme/x/v2@v2.0.0%2Bincompatible",
		"stdlib":                      "pkg:golang/stdlib@v2.0.0%2Bincompatible",
		"example.com/a~b/c_d/e-f.g/!": "pkg:golang/example.com/a~b/c_d/e-f.g/%21@v2.0.0%2Bincompatible",
	} {
		if got := GoPURL(path, "v2.0.0+incompatible"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := GoPURL("example.com/x", ""); got != "pkg:golang/example.com/x" {
		t.Errorf("without a version it is %s", got)
	}
}

func TestImagePURL(t *testing.T) {
	t.Parallel()
	for reference, want := range map[string]string{
		"hello:latest":                  "pkg:oci/hello@sha256:0f?arch=arm&tag=latest",
		"registry.example:5000/a/b:1.2": "pkg:oci/b@sha256:0f?arch=arm&repository_url=registry.example:5000/a/b&tag=1.2",
		"registry.example:5000/a/b":     "pkg:oci/b@sha256:0f?arch=arm&repository_url=registry.example:5000/a/b",
	} {
		if got := (Subject{Reference: reference, Manifest: "sha256:0f", Platform: "linux/arm/v7"}).imagePURL(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
