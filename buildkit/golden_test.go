package buildkit_test

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// goldenImages are images of made-up programs and libraries, so that their bytes depend on nothing but this repository.
var goldenImages = []buildkit.Config{
	{Name: "static", Binary: "static"},
	{Name: "cgo", Binary: "cgo"},
	{Name: "libraries", Binary: "cgo", Libraries: []string{"libextra.so.2"}},
	{Name: "files", Binary: "static", Files: []config.File{{From: "site", To: "/srv/www"}, {From: "site/index.html", To: "/etc/motd", Mode: 0o600}}, Dirs: []config.Dir{{Path: "/var/lib/app", Mode: 0o750}}},
	{Name: "users", Binary: "static", Users: []config.User{{Name: "web", UID: 1000, GID: 1001, Home: "/srv"}}, User: "web"},
	{Name: "zones", Binary: "static", Timezones: []string{"Etc/UTC"}}, // one of Go, which has not changed for decades
	{Name: "runtime", Binary: "static", Program: "/usr/bin/app", Cmd: []string{"-v"}, Env: map[string]string{"A": "1"}, Ports: []string{"8080"}, Labels: map[string]string{"l": "1"}, Volumes: []string{"/data"}},
	{Name: "arm", Binary: "arm64", Platforms: []string{"linux/arm64"}},
	{Name: "epoch", Binary: "static", Created: "2026-01-02T03:04:05Z"},
	{Name: "capabilities", Binary: "static", Capabilities: []string{"cap_net_bind_service"}},
	{Name: "health", Binary: "static", Healthcheck: &config.Healthcheck{Test: []string{"/health", "-health"}}},
	{Name: "base", Binary: "static", Base: "oci:layout"},
}

// goldenAuthority is a certificate whose key nobody has.
const goldenAuthority = `-----BEGIN CERTIFICATE-----
MIIBWzCCAQ2gAwIBAgIUIeN0ub42GDZhe6EMKytHm7qSm9EwBQYDK2VwMCIxIDAe
BgNVBAMMF21hZGUgZm9yIGdvbGRlbiBkaWdlc3RzMCAXDTI2MTEzMDIyMTY1MFoY
DzIxMjYxMTA2MjIxNjUwWjAiMSAwHgYDVQQDDBdtYWRlIGZvciBnb2xkZW4gZGln
ZXN0czAqMAUGAytlcAMhAIH4PewxfirmMQT1TU/nux7Y6iQGS664Efdz4o8qq3oB
o1MwUTAdBgNVHQ4EFgQUKNQEw/voAF+2NArGepXe8r4IlPgwHwYDVR0jBBgwFoAU
KNQEw/voAF+2NArGepXe8r4IlPgwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQCk
qY7yfDZhK72E1xLAD1oS1o4kKAQK74EyCqCOsHuAwLLBzGS/k1CvVIgwDJnifDT+
fqK006WKmoHfXlW5M0cP
-----END CERTIFICATE-----
`

// goldenModule makes a module with the programs and the file system that the golden images are made from.
func goldenModule(t *testing.T) (dir, sysroot string) {
	t.Helper()
	dir, sysroot = t.TempDir(), t.TempDir()
	const loader = "/lib64/ld-linux-x86-64.so.2"
	program := func(needed ...string) []byte {
		f := elftest.File{Type: elf.ET_EXEC, Needed: needed}
		if len(needed) > 0 {
			f.Interp = loader
		}
		return f.Bytes()
	}
	library := func(soname string, needed ...string) []byte {
		return elftest.File{Soname: soname, Needed: needed}.Bytes()
	}
	for path, content := range map[string][]byte{
		filepath.Join(dir, "go.mod"):                                       []byte("module example.com/golden\n\ngo 1.24\n"),
		filepath.Join(dir, "static"):                                       program(),
		filepath.Join(dir, "cgo"):                                          program("libone.so.1", "libc.so.6"),
		filepath.Join(dir, "arm64"):                                        elftest.File{Type: elf.ET_EXEC, Machine: elf.EM_AARCH64}.Bytes(),
		filepath.Join(dir, "site/index.html"):                              []byte("<p>hello\n"),
		filepath.Join(dir, "site/empty/.keep"):                             nil,
		filepath.Join(sysroot, loader):                                     elftest.WithConstants(library("ld-linux-x86-64.so.2"), "/lib/x86_64-linux-gnu/\x00/usr/lib/x86_64-linux-gnu/\x00/lib/\x00/usr/lib/\x00", "lib/x86_64-linux-gnu", "glibc-hwcaps", "/etc/ld.so.cache"),
		filepath.Join(sysroot, "lib/x86_64-linux-gnu/libc.so.6"):           library("libc.so.6", "ld-linux-x86-64.so.2"),
		filepath.Join(sysroot, "lib/x86_64-linux-gnu/libgcc_s.so.1"):       library("libgcc_s.so.1", "libc.so.6"),
		filepath.Join(sysroot, "usr/lib/x86_64-linux-gnu/libone.so.1.2.3"): library("libone.so.1", "libc.so.6"),
		filepath.Join(sysroot, "usr/lib/x86_64-linux-gnu/libextra.so.2"):   library("libextra.so.2", "libone.so.1"),
		filepath.Join(sysroot, "usr/lib/os-release"):                       []byte("ID=debian\nVERSION_ID=\"12\"\n"),
		filepath.Join(sysroot, "etc/debian_version"):                       []byte("12.1\n"),
		filepath.Join(sysroot, "var/lib/dpkg/status"):                      []byte("Package: libone1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\nMaintainer: nobody\nDescription: one\n"),
		filepath.Join(sysroot, "var/lib/dpkg/info/libone1:amd64.list"):     []byte("/.\n/usr\n/usr/lib\n/usr/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu/libone.so.1.2.3\n/usr/lib/x86_64-linux-gnu/libone.so.1\n"),
		filepath.Join(sysroot, "etc/ssl/certs/ca-certificates.crt"):        []byte(goldenAuthority),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("libone.so.1.2.3", filepath.Join(sysroot, "usr/lib/x86_64-linux-gnu/libone.so.1")); err != nil {
		t.Fatal(err)
	}
	return dir, sysroot
}

// A version of fromscratch makes the same bytes as the version before, unless testdata/golden.txt changes, and CHANGELOG.md says why.
// FROMSCRATCH_GOLDEN=write writes the file.
func TestGoldenDigests(t *testing.T) {
	t.Parallel()
	dir, sysroot := goldenModule(t)
	var got bytes.Buffer
	for _, c := range goldenImages {
		c.Sysroot = sysroot
		if len(c.Platforms) == 0 {
			c.Platforms = []string{"linux/amd64"}
		}
		in := inputs(dir, c)
		in.Environ = append(in.Environ, "SSL_CERT_FILE="+filepath.Join(sysroot, "etc/ssl/certs/ca-certificates.crt"))
		in.Prepare = true
		plans, err := open(t, in).Resolve(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		err = buildkit.BuildEach(context.Background(), plans, nil, func(ctx context.Context, b *buildkit.Result) error {
			fmt.Fprintf(&got, "%s %s\n", c.Name, b.Image.ConfigDigest)
			for _, l := range b.Image.Layers {
				fmt.Fprintf(&got, "\t%s %d %s\n", l.DiffID, l.Size, l.Comment)
			}
			if c.Name != "static" {
				return nil
			}
			_, err := buildkit.LayoutAll(ctx, []*buildkit.Result{b}, filepath.Join(dir, "layout"))
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
	}
	const file = "testdata/golden.txt"
	if os.Getenv("FROMSCRATCH_GOLDEN") == "write" {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wanted := strings.Split(string(want), "\n")
	for i, line := range strings.Split(got.String(), "\n") {
		if i >= len(wanted) || line != wanted[i] {
			t.Errorf("line %d is %q, and %s has another; if that is meant, say in CHANGELOG.md under Digests which images change and why, and write the file with FROMSCRATCH_GOLDEN=write", i+1, line, file)
		}
	}
	if got.Len() < len(want) {
		t.Errorf("%s has more lines", file)
	}
}
