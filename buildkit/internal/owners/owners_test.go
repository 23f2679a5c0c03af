package owners

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sbom"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// debian is a sysroot with one package.
func debian(t *testing.T) string {
	t.Helper()
	return testkit.Module(t, map[string]string{
		"etc/os-release":      "ID=debian\nVERSION_ID=\"12\"\n",
		"var/lib/dpkg/status": "Package: libone\nStatus: install ok installed\nArchitecture: amd64\nSource: one\nVersion: 1-2\n",
		"var/lib/dpkg/info/libone.list": "/.\n/usr\n/usr/lib\n/usr/lib/libone.so.1\n/usr/share\n/usr/share/doc\n/usr/share/doc/libone\n" +
			"/usr/share/doc/libone/copyright\n",
		"usr/lib/libone.so.1": "a library", "usr/lib/libtwo.so.2": "of no package", "usr/share/doc/libone/copyright": "free",
	})
}

func TestOwners(t *testing.T) {
	t.Parallel()
	dir := debian(t)
	sys := ldd.DirFS(dir)
	o := Open(plan.Image{}, dir, nil)
	one := sbom.Package{Kind: "deb", Name: "libone", Distro: sbom.Distro{ID: "debian", Version: "12"}}
	for _, tt := range []struct {
		name  string
		entry rootfs.Entry
		want  string
	}{
		{"a file of a package", rootfs.Entry{Path: "/lib/libone.so.1", Source: rootfs.SysrootFile(sys, "/usr/lib/libone.so.1")}, "libone"},
		{"a file of no package", rootfs.Entry{Path: "/lib/libtwo.so.2", Source: rootfs.SysrootFile(sys, "/usr/lib/libtwo.so.2")}, ""},
		{"a file of the user", rootfs.Entry{Path: "/x", Layer: rootfs.Files, Source: rootfs.SysrootFile(sys, "/usr/lib/libone.so.1")}, ""},
		{"a generated file", rootfs.Entry{Path: "/etc/passwd", Source: rootfs.Bytes(nil)}, ""},
	} {
		if p, ok := o.Of(tt.entry); ok != (tt.want != "") || p.Name != tt.want {
			t.Errorf("%s is of %+v (%t), want %q", tt.name, p, ok, tt.want)
		}
	}
	if text := o.Copyright(one); text != "free" {
		t.Errorf("the copyright is %q", text)
	}
	content, real, err := o.Text("/usr/share/doc/libone/copyright")
	if err != nil || string(content) != "free" || real != "/usr/share/doc/libone/copyright" {
		t.Errorf("the text is %q of %q (%v)", content, real, err)
	}
	for _, name := range []string{"var/lib/dpkg/status", "lib/apk/db/installed", "usr/share/doc/libone/copyright"} {
		if !slices.Contains(o.Reads(), filepath.Join(dir, filepath.FromSlash(name))) {
			t.Errorf("%s is not among the reads %q", name, o.Reads())
		}
	}
	list, warnings := Installed(sys)
	if len(list) != 1 || len(warnings) != 0 || list[0].Version != "1-2" || list[0].Copyright != "free" || list[0].Distro != one.Distro {
		t.Errorf("installed are %+v, with the warnings %q", list, warnings)
	}
}

// A database that makes no sense warns once, and does not fail.
func TestOwnersBroken(t *testing.T) {
	t.Parallel()
	dir := testkit.Module(t, map[string]string{"usr/lib/sysimage/rpm/rpmdb.sqlite": "none", "lib/x": "x"})
	o := Open(plan.Image{}, dir, nil)
	if p, ok := o.Of(rootfs.Entry{Path: "/lib/x", Source: rootfs.SysrootFile(ldd.DirFS(dir), "/lib/x")}); ok {
		t.Errorf("the owner is %+v", p)
	}
	if _, warnings := Installed(ldd.DirFS(dir)); len(warnings) != 1 || !strings.Contains(warnings[0], "not all packages are known") {
		t.Errorf("the warnings are %q", warnings)
	}
	if w := o.Warnings(); len(w) == 0 || !strings.Contains(w[0], "not all packages are known") {
		t.Errorf("the warnings are %q", w)
	}
}
