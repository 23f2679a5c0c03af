package acceptance

import (
	"encoding/pem"
	"fmt"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildtest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// The libraries of these programs open other libraries, or read files, that are in no ELF
// header. In the image, each program works as on the machine that built it.
func TestAcceptLibraries(t *testing.T) {
	t.Parallel()
	acceptLibraries(t, map[string]libraryCase{
		"iconv": {need: []string{"gcc"}, want: "ä é 日本 한\n"},
		"resolver": {
			need: []string{"gcc"},
			c:    buildkit.Config{Build: config.Build{Cgo: "on", Tags: []string{"netcgo"}}},
			want: "localhost: true imap2: 143 user: nobody /data group: nobody\n",
		},
		"purego": {
			files: "/usr/lib/*/libsqlite3.so.0",
			c:     buildkit.Config{Build: config.Build{Cgo: "off"}},
			want:  "sqlite 3 threadsafe 1\n",
		},
		"journal": {pkg: "libsystemd", want: "opened: true <nil>\n"},
		"pie": {
			c:    buildkit.Config{Build: config.Build{Cgo: "off", Flags: []string{"-buildmode=pie"}}},
			want: "ET_DYN with 0 libraries, loader: true\n",
		},
		"musl": {
			need: []string{"musl-gcc"},
			c:    buildkit.Config{Build: config.Build{Cgo: "on", Env: map[string]string{"CC": "musl-gcc"}}},
			want: "glibc: false user: nobody\n",
		},
	})
}

// The same for programs with many such libraries, which take long to compile.
func TestHeavyAcceptLibraries(t *testing.T) {
	acceptLibraries(t, map[string]libraryCase{
		"vipsformats": {
			pkg:   "vips",
			files: "/usr/share/fonts/truetype/*/*.ttf",
			c:     buildkit.Config{Files: []config.File{{From: buildtest.Picture(t), To: "/srv/picture.png"}}},
			args:  []string{"/srv/picture.png"},
			want:  "webp: 32x16 avif: 32x16 svg text: true\n",
		},
		"imagick": {
			pkg:  "MagickWand-6.Q16",
			c:    buildkit.Config{Files: []config.File{{From: photo(t), To: "/srv/photo.jpg"}}},
			args: []string{"/srv/photo.jpg"},
			want: "64x32 PNG\n",
		},
		"kafka": {
			pkg:  "rdkafka",
			c:    buildkit.Config{Build: config.Build{Tags: []string{"dynamic"}}},
			want: "rdkafka#producer-1 [gzip sasl_gssapi sasl_scram ssl zstd]\n",
		},
		"sasl": {
			pkg:   "libsasl2",
			files: "/usr/lib/*/sasl2/libscram.so",
			want:  "[ANONYMOUS CRAM-MD5 DIGEST-MD5 EXTERNAL LOGIN NTLM PLAIN SCRAM-SHA-1 SCRAM-SHA-224 SCRAM-SHA-256 SCRAM-SHA-384 SCRAM-SHA-512]\n",
		},
		"legacyssl": {pkg: "libcrypto", want: "md4: a448017aaf21d8525fc10ae87aa6729d\n"},
		"musl-static": {
			module: "musl",
			need:   []string{"musl-gcc"},
			c:      buildkit.Config{Build: config.Build{Cgo: "on", Env: map[string]string{"CC": "musl-gcc"}, LDFlags: "-linkmode external -extldflags -static"}},
			want:   "glibc: false user: nobody\n",
		},
	})
}

// libraryCase is a program, and what it prints in the image.
type libraryCase struct {
	module string // folder below testdata; "" is the test's name
	c      buildkit.Config
	need   []string // commands that the build needs
	pkg    string   // name for pkg-config
	files  string   // pattern of other files that must be installed
	args   []string
	want   string
}

func acceptLibraries(t *testing.T, tests map[string]libraryCase) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			testkit.Need(t, test.need...)
			if test.pkg != "" {
				testkit.NeedPackage(t, test.pkg)
			}
			if found, _ := filepath.Glob(test.files); test.files != "" && found == nil {
				testkit.Missing(t, test.files)
			}
			if test.module == "" {
				test.module = name
			}
			test.c.Repo = buildtest.Repo + name
			ref := buildtest.Load(t, buildtest.MustBuild(t, testkit.Copy(t, filepath.Join("../testdata", test.module)), test.c))
			if got := buildtest.Run(t, nil, ref, test.args...); got != test.want {
				t.Errorf("the program prints %q, want %q", got, test.want)
			}
			if user := testkit.Output(t, "", "docker", "inspect", "-f", "{{.Config.User}}", ref); user != "65534:65534\n" {
				t.Errorf("the image's user is %q, want 65534:65534", user)
			}
		})
	}
}

// curl verifies a server whose certificate is in Certificates, both with curl's default
// bundle and with OpenSSL's.
func TestAcceptCurl(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "gcc")
	testkit.NeedPackage(t, "libcurl")
	testkit.NeedPackage(t, "libssl")
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "verified") }))
	defer server.Close()
	dir := testkit.Copy(t, filepath.Join("../testdata", "curl"))
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o644); err != nil {
		t.Fatal(err)
	}
	ref := buildtest.Load(t, buildtest.MustBuild(t, dir, buildkit.Config{Repo: buildtest.Repo + "curl", Certificates: []string{"ca.pem"}}))
	// The server listens on the loopback of the engine's machine.
	if got := buildtest.Run(t, []string{"--network", "host"}, ref, server.URL); got != "verified\nverified\n" {
		t.Errorf("curl prints %q", got)
	}
}

// A cgo program for another architecture, with libraries of the cross compiler's sysroot.
// An emulator that is mounted into the container runs it, so the engine needs none.
func TestHeavyAcceptCross(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "aarch64-linux-gnu-gcc", "qemu-aarch64-static")
	built := buildtest.MustBuild(t, testkit.Copy(t, filepath.Join("../testdata", "cross")), buildkit.Config{
		Repo: buildtest.Repo + "cross", Platforms: []string{"linux/arm64"}, Build: config.Build{Cgo: "on", Env: map[string]string{"CC": "aarch64-linux-gnu-gcc"}},
	})
	ref := buildtest.Load(t, built)
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Fatal(err)
	}
	options := []string{"--platform", "linux/arm64", "-v", qemu + ":/qemu:ro", "--entrypoint", "/qemu"}
	if got, want := buildtest.Run(t, options, ref, "/cross"), "linux/arm64 3.000 uid 65534\n"; got != want {
		t.Errorf("the program prints %q, want %q", got, want)
	}
}

// photo returns the file of buildtest.Picture as a JPEG.
func photo(t *testing.T) string {
	t.Helper()
	in, err := os.Open(buildtest.Picture(t))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	img, err := png.Decode(in)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "photo.jpg")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(out, img, nil); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
