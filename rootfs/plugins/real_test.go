//go:build linux && amd64

package plugins

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// pngDot is a PNG picture of one pixel.
const pngDot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="

const svgDot = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="9"/><text x="1" y="9">a</text></svg>`

const xpmDot = `/* XPM */
static char *a[] = {"2 2 1 1", ". c #ff0000", "..", ".."};
`

const psPage = "%!PS\n/Helvetica findfont 20 scalefont setfont 50 50 moveto (Hello) show showpage\n"

// realCase is a program of the host that works in an image with everything that is found for it, and does
// not work in an image of its closure alone.
type realCase struct {
	program string   // name as in the shell; "" compiles source
	source  string   // C
	libs    []string // linker flags: "-l:libasound.so.2"
	args    []string // arguments of the first run
	env     []string
	groups  []string
	want    string     // part of its output
	then    [][]string // arguments of more runs; the output of the last one counts
	// alone is part of the output in an image of the closure alone; "" if the program fails there.
	alone string
	rows  []string // groups that it needs
	// random is set if the program needs the device /dev/urandom instead of a file at that path.
	random bool
}

var realCases = map[string]realCase{
	"ImageMagick": {
		program: "convert-im6.q16", args: []string{"/in.png", "/tmp/a.webp"}, then: [][]string{{"/tmp/a.webp", "/tmp/a.jpg"}, {"/tmp/a.jpg", "info:"}},
		want: "JPEG 1x1", rows: []string{"imagemagick"},
	},
	"ImageMagick knows its policy": {
		program: "convert-im6.q16", args: []string{"-list", "policy"}, want: "pattern: PS", alone: "[built-in]",
		rows: []string{"imagemagick"},
	},
	"vips reads HEIF and PDF": {
		program: "vips", args: []string{"-l", "foreign"}, want: "VipsForeignLoadHeifFile", alone: "VipsForeignLoadJpegFile",
		rows: []string{"vips"},
	},
	"vips writes AVIF": {
		program: "vips", args: []string{"heifsave", "/in.png", "/tmp/a.avif", "--compression=av1"}, then: [][]string{{"copy", "/tmp/a.avif", "/tmp/a.png", "--vips-info"}},
		want: "heifload", rows: []string{"vips"},
	},
	"gconv": {
		program: "iconv", args: []string{"-f", "ISO-8859-1", "-t", "UTF-8", "/latin1"}, want: "Grüße", rows: []string{"gconv"},
	},
	"gconv of libraries with others": {
		program: "iconv", args: []string{"-f", "UTF-8", "-t", "SHIFT_JIS", "/in.svg"}, want: "circle", rows: []string{"gconv"},
	},
	"OpenSSL": {
		program: "openssl", args: []string{"list", "-providers", "-provider", "legacy"}, want: "OpenSSL Legacy Provider", rows: []string{"openssl"},
	},
	"OpenSSL's engines": {
		program: "openssl", args: []string{"engine", "loader_attic"}, want: "(loader_attic)", rows: []string{"openssl"},
	},
	"OpenSSL's configuration": {
		program: "openssl", args: []string{"req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", "/tmp/k", "-subj", "/CN=a"}, want: "BEGIN CERTIFICATE REQUEST",
		rows: []string{"openssl"},
	},
	"libmagic": {
		program: "file", args: []string{"/in.png"}, want: "PNG image data, 1 x 1", rows: []string{"magic"},
	},
	"proj": {
		program: "gdalsrsinfo", args: []string{"EPSG:4326"}, want: "WGS 84", rows: []string{"proj"},
	},
	"gdal": {
		program: "gdalinfo", args: []string{"--formats"}, want: "GTiff", alone: "GTiff", rows: []string{"gdal"},
	},
	"gdk-pixbuf with librsvg": {
		program: "gdk-pixbuf-thumbnailer", args: []string{"-s", "16", "file:///in.svg", "/tmp/a.png"}, rows: []string{"gdk-pixbuf"},
	},
	"gdk-pixbuf": {
		program: "gdk-pixbuf-thumbnailer", args: []string{"-s", "16", "file:///in.xpm", "/tmp/a.png"}, rows: []string{"gdk-pixbuf"},
	},
	"graphviz": {
		program: "dot", args: []string{"-Tpng", "-o", "/tmp/a.png", "/in.dot"}, then: [][]string{{"-Tsvg", "/in.dot"}}, want: "<svg",
		rows: []string{"graphviz"},
	},
	"GraphicsMagick": {
		program: "gm", args: []string{"convert", "-list", "delegates"}, want: `"gs" -q`, rows: []string{"graphicsmagick"},
	},
	"fontconfig without fonts": {
		program: "fc-match", args: []string{"sans"}, want: "DejaVu Sans", alone: "", rows: []string{"fontconfig", "fonts"},
	},
	"ghostscript": {
		program: "gs", args: []string{"-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=txtwrite", "-o", "-", "/in.ps"}, want: "Hello", rows: []string{"ghostscript"},
	},
	"gstreamer": {
		program: "gst-inspect-1.0", args: []string{"audioconvert"}, want: "Convert audio", rows: []string{"gstreamer"},
	},
	"tesseract": {
		program: "tesseract", args: []string{"--list-langs"}, want: "eng", rows: []string{"tesseract"},
	},
	"SASL": {
		program: "saslpluginviewer", args: []string{"-c"}, want: "DIGEST-MD5", alone: "EXTERNAL", rows: []string{"sasl"},
	},
	"NSS": {
		program: "certutil", args: []string{"-N", "-d", "sql:/tmp", "--empty-password"}, then: [][]string{{"-L", "-d", "sql:/tmp"}}, want: "Certificate Nickname",
		rows: []string{"nss-crypto"}, random: true,
	},
	"p11-kit": {
		program: "p11-kit", args: []string{"list-modules"}, want: "p11-kit-trust", rows: []string{"p11-kit"}, alone: "",
	},
	"espeak": {
		program: "espeak-ng", args: []string{"-w", "/tmp/a.wav", "hello"}, then: [][]string{{"--voices=en"}}, want: "English_(Great_Britain)", rows: []string{"espeak"},
	},
	"gphoto2": {
		program: "gphoto2", args: []string{"--list-cameras"}, want: "Canon", rows: []string{"gphoto2"},
	},
	"enchant": {
		program: "enchant-lsmod-2", want: "hunspell", rows: []string{"enchant"},
	},
	"Tcl": {
		program: "tclsh8.6", args: []string{"/in.tcl"}, want: "19", rows: []string{"tcl"},
	},
	"GSettings": {
		program: "gsettings", args: []string{"get", "org.gnome.system.proxy", "mode"}, want: "'none'", rows: []string{"gsettings"},
	},
	"terminfo": {
		program: "tput", args: []string{"-T", "xterm-256color", "colors"}, want: "256", rows: []string{"terminfo"},
	},
	"C.UTF-8": {
		source: `#include <locale.h>
			#include <stdio.h>
			int main(void) { char *s = setlocale(LC_ALL, "C.UTF-8"); return s ? !puts(s) : 1; }`,
		want: "C.UTF-8", rows: []string{"locale"},
	},
	"ALSA": {
		source: `int snd_config_update(void); int main(void) { return snd_config_update() < 0; }`,
		libs:   []string{"-l:libasound.so.2"}, rows: []string{"alsa"},
	},
	"unixODBC": {
		program: "isql", args: []string{"-b", "-v", "-k", "DRIVER=SQLite3;Database=/tmp/a.db"}, rows: []string{"odbc"},
	},
	"mecab": {
		program: "mecab", args: []string{"/in.svg"}, want: "circle", rows: []string{"mecab"},
	},
	"Python": {
		source: `void Py_Initialize(void); int PyRun_SimpleString(const char *);
			int main(void) { Py_Initialize(); return PyRun_SimpleString("import json, ctypes, _hashlib; print(json.dumps('works'), flush=True)"); }`,
		libs: []string{"-l:libpython3.11.so.1.0"}, want: "works", rows: []string{"python"},
	},
	"Thai": {
		source: `int th_brk_find_breaks(void *, const unsigned char *, int *, unsigned long); void *th_brk_new(const char *);
			int main(void) { int p[9]; void *b = th_brk_new(0); return !b || th_brk_find_breaks(b, (const unsigned char *)"\241\322\303\267\264\312\315\272", p, 9) < 1; }`,
		libs: []string{"-l:libthai.so.0"}, rows: []string{"thai"},
	},
	"GIO": {
		program: "gio", args: []string{"info", "/in.png"}, want: "standard::name", alone: "standard::name", rows: []string{"gio"},
	},
}

func TestHeavyRealPrograms(t *testing.T) {
	for name, c := range realCases {
		t.Run(name, func(t *testing.T) {
			program := c.find(t)
			closure, found := resolve(t, program, Options{Groups: c.groups})
			c.check(t, found)
			full := makeImage(t, closure, found.Files)
			bare, _ := resolve(t, program, Options{Groups: []string{}})
			empty := makeImage(t, bare, nil)
			full.inputs(t)
			empty.inputs(t)
			if c.random {
				full.random(t)
				empty.random(t)
			}
			out, err := c.work(full, program)
			if err != nil || !strings.Contains(out, c.want) {
				t.Errorf("in the image: %v\n%.2000s", err, out)
			}
			out, err = c.work(empty, program)
			if err == nil && c.want != "" && strings.Contains(out, c.want) && c.alone != c.want {
				t.Errorf("it works without the files that were found too:\n%.2000s", out)
			}
			if c.alone != "" && !strings.Contains(out, c.alone) {
				t.Errorf("in an image of the closure alone: %v\n%.2000s", err, out)
			}
		})
	}
}

// find returns the path of the program, and compiles it if needed.
func (c realCase) find(t *testing.T) string {
	t.Helper()
	if c.program == "" {
		need(t, "gcc")
		dir := t.TempDir()
		source, program := filepath.Join(dir, "a.c"), filepath.Join(dir, "a")
		if err := os.WriteFile(source, []byte(c.source), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("gcc", append([]string{"-o", program, source}, c.libs...)...).CombinedOutput()
		if err != nil && strings.Contains(string(out), "cannot find -l") {
			skip(t, string(out))
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return program
	}
	program, err := exec.LookPath(c.program)
	if err != nil {
		skip(t, c.program+" is not installed")
	}
	return program
}

// work does all runs in an image.
func (c realCase) work(root image, program string) (string, error) {
	out, err := root.run(append([]string{program}, c.args...), c.env...)
	for _, args := range c.then {
		if err != nil {
			break
		}
		out, err = root.run(append([]string{program}, args...), c.env...)
	}
	return out, err
}

// check fails unless something of each group was found and nothing is missing.
func (c realCase) check(t *testing.T, found *Found) {
	t.Helper()
	for _, group := range c.rows {
		if !slices.ContainsFunc(found.Plugins, func(p Plugin) bool { return p.Group == group }) &&
			!slices.ContainsFunc(found.Files, func(f File) bool { return f.Group == group }) {
			t.Errorf("nothing of group %q was found", group)
		}
	}
	for _, m := range found.Missing {
		t.Errorf("missing: %+v", m)
	}
}

// inputs writes the input files of the programs into an image.
func (root image) inputs(t *testing.T) {
	t.Helper()
	root.texts(t)
	root.write(t, "/dev/null", nil)
}

// random makes the device /dev/urandom, which every container engine provides.
func (root image) random(t *testing.T) {
	t.Helper()
	if err := syscall.Mknod(string(root)+"/dev/urandom", syscall.S_IFCHR|0o666, 1<<8|9); err != nil {
		skip(t, "only root can make devices")
	}
}

// texts writes the input files.
func (root image) texts(t *testing.T) {
	t.Helper()
	png, err := base64.StdEncoding.DecodeString(pngDot)
	if err != nil {
		t.Fatal(err)
	}
	root.write(t, "/in.png", png)
	root.write(t, "/in.svg", []byte(svgDot))
	root.write(t, "/in.xpm", []byte(xpmDot))
	root.write(t, "/in.ps", []byte(psPage))
	root.write(t, "/in.dot", []byte("digraph { a -> b }"))
	root.write(t, "/in.tcl", []byte("puts [clock format 0 -format %C -gmt 1]"))
	root.write(t, "/latin1", []byte("Gr\xfc\xdfe\n"))
}
