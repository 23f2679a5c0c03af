//go:build linux && amd64

package plugins

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// debianLib is the folder of libraries in Debian, the multiarch folder.
const debianLib = "usr/lib/x86_64-linux-gnu/"

// noteOf returns a .note.dlopen in assembler, see the specification.
func noteOf(json string) string {
	return `__asm__(".pushsection .note.dlopen,\"a\",@note\n.balign 4\n.long 4\n.long 2f-1f\n.long 0x407c0c0a\n.asciz \"FDO\"\n1: .asciz \"` +
		strings.ReplaceAll(json, `"`, `\\\"`) + `\"\n2: .balign 4\n.popsection");`
}

// ruleCase is a sysroot and what is found in it.
type ruleCase struct {
	root    rootSpec
	options Options
	hide    []string // patterns, see package exclude
	want    []string
}

var ruleCases = map[string]ruleCase{
	"Fedora": {
		root: rootSpec{
			libs: map[string]elfSpec{
				"usr/lib64/libc.so.6":                                          {soname: "libc.so.6", text: "/usr/lib64/gconv", defines: []string{"_nss_dns_gethostbyname4_r"}},
				"usr/lib64/libvips.so.42":                                      {soname: "libvips.so.42", imports: []string{"iconv_open"}},
				"usr/lib64/libMagickCore-7.Q16HDRI.so.10":                      {soname: "libMagickCore-7.Q16HDRI.so.10"},
				"usr/lib64/libcrypto.so.3":                                     {soname: "libcrypto.so.3", text: `MODULESDIR: "/usr/lib64/ossl-modules"`},
				"usr/lib64/vips-modules-8.15/vips-heif.so":                     {},
				"usr/lib64/vips-modules-8.15/vips-jxl.so":                      {},
				"usr/lib64/gconv/UTF-16.so":                                    {},
				"usr/lib64/ossl-modules/legacy.so":                             {},
				"usr/lib64/ImageMagick-7.1.1/modules-Q16HDRI/coders/png.so":    {},
				"usr/lib64/ImageMagick-7.1.1/modules-Q16/coders/other.so":      {},
				"usr/lib64/ImageMagick-6.9.13/modules-Q16HDRI/coders/older.so": {},
			},
			files: map[string]string{
				"lib64": "-> usr/lib64", "etc/ld.so.conf": "/usr/lib64\n",
				"usr/lib64/ImageMagick-7.1.1/modules-Q16HDRI/coders/png.la": "", "etc/ImageMagick-7/policy.xml": "",
				"usr/lib64/ImageMagick-7.1.1/config-Q16HDRI/configure.xml": "", "usr/lib64/gconv/gconv-modules": "",
				"usr/lib64/vips-modules-8.15/README":    "no shared object",
				"usr/lib64/vips-modules-8.15/broken.so": "-> gone", "usr/lib64/vips-modules-8.15/text.so": "text",
			},
		},
		want: []string{
			"plugin gconv /usr/lib64/gconv/UTF-16.so",
			"plugin imagemagick /usr/lib64/ImageMagick-7.1.1/modules-Q16HDRI/coders/png.so",
			"plugin openssl /usr/lib64/ossl-modules/legacy.so",
			"plugin vips /usr/lib64/vips-modules-8.15/vips-heif.so",
			"plugin vips /usr/lib64/vips-modules-8.15/vips-jxl.so",
			"file gconv /usr/lib64/gconv/gconv-modules",
			"file imagemagick /usr/lib64/ImageMagick-7.1.1/modules-Q16HDRI/coders/png.la",
			"file imagemagick /usr/lib64/ImageMagick-7.1.1/config-Q16HDRI",
			"file imagemagick /etc/ImageMagick-7",
		},
	},
	"Alpine, with a library that only the package knows": {
		root: rootSpec{
			musl: true,
			libs: map[string]elfSpec{
				"usr/lib/libvips.so.42":                  {soname: "libvips.so.42"},
				"usr/lib/libacme.so.1":                   {soname: "libacme.so.1"},
				"usr/lib/libacme-util.so.1":              {},
				"usr/lib/acme/plugins/a.so":              {},
				"usr/lib/acme/plugins/b.so.2":            {},
				"usr/lib/acme/other.so":                  {},
				"usr/lib/debug/usr/lib/acme/a.so":        {},
				"usr/lib/vips-modules-8.15/vips-heif.so": {},
				"usr/lib/vips-extra/never.so":            {},
			},
			files: map[string]string{
				"lib/apk/db/installed": "P:acme\nV:1-r0\nA:x86_64\nF:usr/lib\nR:libacme.so.1\nR:libacme-util.so.1\nF:usr/lib/acme/plugins\nR:a.so\nR:b.so.2\nR:text.so\nF:usr/lib/debug/usr/lib/acme\nR:a.so\n\n" +
					"P:vips\nV:8.15-r0\nA:x86_64\nF:usr/lib\nR:libvips.so.42\nF:usr/lib/vips-extra\nR:never.so\n\n" +
					"P:acme-other\nV:1-r0\nF:usr/lib/acme\nR:other.so\n",
				"usr/lib/acme/plugins/text.so": "text",
			},
		},
		want: []string{
			"plugin acme /usr/lib/acme/plugins/a.so",
			"plugin acme /usr/lib/acme/plugins/b.so.2",
			"plugin vips /usr/lib/vips-modules-8.15/vips-heif.so",
		},
	},
	"glibc before 2.34": {
		root: rootSpec{
			program: elfSpec{imports: []string{"getpwnam_r"}},
			libs: map[string]elfSpec{
				"lib/x86_64-linux-gnu/libc.so.6":         {soname: "libc.so.6"},
				"lib/x86_64-linux-gnu/libnss_files.so.2": {}, "lib/x86_64-linux-gnu/libnss_dns.so.2": {}, "lib/x86_64-linux-gnu/libnss_nis.so.2": {},
			},
		},
		want: []string{"plugin nss /lib/x86_64-linux-gnu/libnss_dns.so.2", "plugin nss /lib/x86_64-linux-gnu/libnss_files.so.2"},
	},
	"glibc before 2.34 and a program that looks up no names": {
		root: rootSpec{libs: map[string]elfSpec{
			"lib/x86_64-linux-gnu/libc.so.6": {soname: "libc.so.6", imports: []string{"getpwnam_r"}}, "lib/x86_64-linux-gnu/libnss_files.so.2": {},
		}},
	},
	"gconv is not included without a caller": {
		root: rootSpec{
			libs: map[string]elfSpec{
				debianLib + "libc.so.6":       {soname: "libc.so.6", imports: []string{"iconv_open", "setlocale"}, defines: []string{"_nss_dns_gethostbyname4_r"}},
				debianLib + "gconv/UTF-16.so": {},
			},
			files: map[string]string{"usr/lib/locale/C.utf8/LC_CTYPE": ""},
		},
	},
	"missing data": {
		root: rootSpec{libs: map[string]elfSpec{
			debianLib + "libproj.so.25":                {soname: "libproj.so.25", text: "/opt/share/proj"},
			debianLib + "libmagic.so.1":                {soname: "libmagic.so.1", text: "/etc/magic:/usr/share/misc/magic"},
			debianLib + "libMagickCore-6.Q16.so.6":     {soname: "libMagickCore-6.Q16.so.6", text: "modules-Q16/coders"},
			debianLib + "libMagickCore-7.Q16HDRI.so.9": {soname: "libMagickCore-7.Q16HDRI.so.9", text: "all coders are in it"},
		}},
		want: []string{
			"missing imagemagick /usr/lib/x86_64-linux-gnu/ImageMagick-6.*/modules-Q16/coders/*.la",
			"missing magic /usr/share/misc/magic.mgc",
			"missing proj /opt/share/proj/proj.db",
		},
	},
	"refusals and candidates": {
		root: rootSpec{
			libs:  map[string]elfSpec{debianLib + "libpam.so.0": {soname: "libpam.so.0"}, debianLib + "libsasl2.so.2": {soname: "libsasl2.so.2"}, debianLib + "libva.so.2": {soname: "libva.so.2"}},
			files: map[string]string{debianLib + "dri/x_drv_video.so": ""},
		},
		want: []string{"candidate gpu /usr/lib/x86_64-linux-gnu/dri", "candidate sasl", "refused pam"},
	},
	"a refused group is excluded": {
		root:    rootSpec{libs: map[string]elfSpec{debianLib + "libpam.so.0": {soname: "libpam.so.0"}}},
		options: Options{Exclude: []string{"pam"}},
	},
	"a font is requested": {
		root: rootSpec{
			libs:  map[string]elfSpec{debianLib + "libfontconfig.so.1": {soname: "libfontconfig.so.1"}},
			files: map[string]string{"etc/fonts/fonts.conf": "", "usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": "", "usr/share/fonts/liberation-sans/LiberationSans-Regular.ttf": ""},
		},
		options: Options{Groups: []string{"fonts"}},
		want:    []string{"file fonts /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"},
	},
	"a font comes along": {
		root: rootSpec{
			libs:  map[string]elfSpec{debianLib + "libfontconfig.so.1": {soname: "libfontconfig.so.1"}},
			files: map[string]string{"usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": "", "usr/share/fonts/truetype/other/Other.ttf": ""},
		},
		want: []string{"file fonts /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"},
	},
	"another font comes along": {
		root: rootSpec{
			libs: map[string]elfSpec{debianLib + "libfontconfig.so.1": {soname: "libfontconfig.so.1"}},
			files: map[string]string{
				"usr/share/fonts/truetype/a/A.ttf": "", "usr/share/fonts/opentype/other/OtherSans-Regular.otf": "", "usr/share/fonts/type1/a/A.pfb": "",
			},
		},
		want: []string{"file fonts /usr/share/fonts/truetype/a/A.ttf"},
	},
	"the font is excluded": {
		root: rootSpec{
			libs:  map[string]elfSpec{debianLib + "libfontconfig.so.1": {soname: "libfontconfig.so.1"}},
			files: map[string]string{"usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": ""},
		},
		options: Options{Exclude: []string{"fonts"}},
	},
	"no font is installed": {
		root:    rootSpec{libs: map[string]elfSpec{debianLib + "libfontconfig.so.1": {soname: "libfontconfig.so.1"}}},
		options: Options{Groups: []string{"auto", "fonts"}},
		want:    []string{"missing fonts fonts"},
	},
	"nothing is requested": {
		root: rootSpec{libs: map[string]elfSpec{
			debianLib + "libvips.so.42": {soname: "libvips.so.42"}, debianLib + "vips-modules-8.15/a.so": {}, debianLib + "libpam.so.0": {soname: "libpam.so.0"},
		}},
		options: Options{Groups: []string{}},
	},
	"paths and patterns are excluded": {
		root: rootSpec{
			libs: map[string]elfSpec{
				debianLib + "libvips.so.42": {soname: "libvips.so.42"}, debianLib + "vips-modules-8.15/a.so": {}, debianLib + "vips-modules-8.15/b.so": {},
				debianLib + "vips-modules-8.15/c.so.1": {},
				debianLib + "libkrb5.so.3":             {soname: "libkrb5.so.3"}, debianLib + "krb5/plugins/preauth/p.so": {},
				debianLib + "libgio-2.0.so.0": {soname: "libgio-2.0.so.0"}, debianLib + "gio/modules/g.so": {},
			},
			files: map[string]string{debianLib + "vips-modules-8.15/c.so": "-> c.so.1"},
		},
		options: Options{Exclude: []string{"gio"}},
		hide:    []string{"/" + debianLib + "vips-modules-8.15/a.so", "/" + debianLib + "vips-modules-*/c.so.1", "/" + debianLib + "krb5"},
		want:    []string{"plugin vips /usr/lib/x86_64-linux-gnu/vips-modules-8.15/b.so"},
	},
	"notes": {
		root: rootSpec{
			libs: map[string]elfSpec{
				debianLib + "libsystemd.so.0": {soname: "libsystemd.so.0", asm: noteOf(`[{"soname":["libnew.so.2","libold.so.1"],"feature":"f","priority":"recommended"},{"soname":["libgone.so.1"]},` +
					`{"soname":["libmaybe.so.1"],"priority":"suggested"}]`)},
				debianLib + "libold.so.1": {}, debianLib + "libmaybe.so.1": {},
			},
		},
		want: []string{"plugin notes libold.so.1", "candidate libgone.so.1", "candidate libmaybe.so.1 /usr/lib/x86_64-linux-gnu/libmaybe.so.1"},
	},
	"notes about a library in the object's own RUNPATH, and about missing libraries": {
		root: rootSpec{
			libs: map[string]elfSpec{
				debianLib + "liba.so.1": {soname: "liba.so.1", runpath: "/opt/own", asm: noteOf(`[{"soname":["libown.so.1"],"priority":"required"},{"soname":["libgone.so.1","libgone.so.2"],"feature":"f","priority":"required"},` +
					`{"soname":["libnever.so.1"]},{"soname":["libno.so.1"],"priority":"suggested"}]`)},
				"opt/own/libown.so.1": {},
			},
		},
		want: []string{"plugin notes /opt/own/libown.so.1", "missing notes libgone.so.1 or libgone.so.2", "candidate libnever.so.1"},
	},
	"notes about an excluded library": {
		root: rootSpec{
			libs: map[string]elfSpec{
				debianLib + "liba.so.1": {soname: "liba.so.1", asm: noteOf(`[{"soname":["libb.so.1"],"priority":"required"}]`)}, debianLib + "libb.so.1": {},
			},
		},
		hide: []string{"libb.so.1"},
	},
	"names": {
		root: rootSpec{
			libs: map[string]elfSpec{
				debianLib + "liba.so.1": {soname: "liba.so.1", imports: []string{"dlopen"}, text: "libnamed.so.1"}, debianLib + "libnamed.so.1": {},
			},
		},
		want: []string{"candidate libnamed.so.1 /usr/lib/x86_64-linux-gnu/libnamed.so.1"},
	},
	"drivers that a configuration file names": {
		root: rootSpec{
			libs: map[string]elfSpec{
				debianLib + "libodbc.so.2": {soname: "libodbc.so.2"}, debianLib + "odbc/liblite.so": {}, debianLib + "libplain.so": {}, "opt/own/libown.so": {},
				debianLib + "odbc/libhidden.so": {}, debianLib + "odbc/libunnamed.so": {},
			},
			files: map[string]string{
				"etc/odbcinst.ini": "[Lite]\nDriver = liblite.so\r\nSetup=libunnamed.so\n[Plain]\nDRIVER=libplain.so\n[Own]\nDriver64=/opt/own/libown.so\n" +
					"[Gone]\nDriver=libgone.so\n[Hidden]\nDriver=libhidden.so\n;Driver=libunnamed.so\n[Secret]\nDriver=/etc/shadow\nDriver=../odbc/libunnamed.so\nDriver=",
				"etc/shadow": "root:*:",
			},
		},
		hide: []string{"libhidden.so"},
		want: []string{
			"plugin odbc /usr/lib/x86_64-linux-gnu/odbc/liblite.so", "plugin odbc libplain.so", "plugin odbc /opt/own/libown.so",
			"file odbc /etc/odbcinst.ini",
			"candidate libgone.so", "candidate /etc/shadow", "candidate ../odbc/libunnamed.so",
		},
	},
	"no driver at all": {
		root: rootSpec{
			libs:  map[string]elfSpec{debianLib + "libodbc.so.2": {soname: "libodbc.so.2"}},
			files: map[string]string{"etc/odbcinst.ini": ""},
		},
		want: []string{"file odbc /etc/odbcinst.ini", "candidate odbc"},
	},
	"data that a configuration file names": {
		root: rootSpec{
			libs: map[string]elfSpec{debianLib + "libmecab.so.2": {soname: "libmecab.so.2", text: "/etc/mecabrc"}},
			files: map[string]string{
				"etc/mecabrc": "dicdir = /var/lib/mecab/dic/debian\nuserdic = /etc/secret\nuserdic = /var/lib/mecab/../../../etc/secret\nuserdic=/var/lib/mecab\nuserdic=/usr/lib/gone",
				"etc/secret":  "", "var/lib/mecab/dic/debian": "-> /etc/alternatives/mecab-dictionary",
				"etc/alternatives/mecab-dictionary": "-> /var/lib/mecab/dic/ipadic", "var/lib/mecab/dic/ipadic/sys.dic": "",
			},
		},
		want: []string{"file mecab /etc/mecabrc", "file mecab /var/lib/mecab/dic/debian"},
	},
	"ALSA": {
		root: rootSpec{
			program: elfSpec{imports: []string{"snd_use_case_mgr_open"}},
			libs:    map[string]elfSpec{debianLib + "libasound.so.2": {soname: "libasound.so.2"}},
			files: map[string]string{
				"usr/share/alsa/alsa.conf": "", "usr/share/alsa/ctl/default.conf": "", "usr/share/alsa/topology/hda.bin": "", "usr/share/alsa/ucm2/ucm.conf": "",
			},
		},
		want: []string{"file alsa /usr/share/alsa/alsa.conf", "file alsa /usr/share/alsa/ctl", "file alsa /usr/share/alsa/ucm2"},
	},
	"libraries that start programs, or keep keys": {
		root: rootSpec{libs: map[string]elfSpec{
			debianLib + "libgpgme.so.11": {soname: "libgpgme.so.11"}, debianLib + "libsofthsm2.so": {soname: "libsofthsm2.so"},
		}},
		want: []string{"candidate softhsm", "refused gpgme"},
	},
	"data of the program": {
		root: rootSpec{
			program: elfSpec{text: "/usr/share/hunspell/en_US.affected/usr/share/secret/a,/usr/local/share/a/data.bin?/usr/share/doc/x/README,/usr/share/a/../b/c,/usr/share/gone/a"},
			libs:    map[string]elfSpec{debianLib + "libhunspell-1.7.so.0": {soname: "libhunspell-1.7.so.0"}},
			files: map[string]string{
				"usr/share/hunspell/en_US.aff": "", "usr/share/hunspell/en_US.dic": "", "usr/share/hunspell/de_DE.dic": "", "usr/local/share/a/data.bin": "",
				"usr/share/doc/x/README": "", "usr/share/b/c": "", "usr/share/a/x": "", "usr/share/secret": "-> /etc", "etc/a": "",
			},
		},
		want: []string{"file named /usr/share/hunspell/en_US.aff", "file named /usr/share/hunspell/en_US.dic", "file named /usr/local/share/a/data.bin"},
	},
	"data of the program, excluded": {
		root: rootSpec{
			program: elfSpec{text: "/usr/share/hunspell/en_US.aff"},
			libs:    map[string]elfSpec{debianLib + "libhunspell-1.7.so.0": {soname: "libhunspell-1.7.so.0"}},
			files:   map[string]string{"usr/share/hunspell/en_US.aff": ""},
		},
		options: Options{Exclude: []string{"named"}},
		want:    []string{"candidate hunspell /usr/share/hunspell"},
	},
	"gconv is not included for the locale's character set": {
		root: rootSpec{
			libs: map[string]elfSpec{
				debianLib + "libc.so.6":              {soname: "libc.so.6", defines: []string{"_nss_dns_gethostbyname4_r"}},
				debianLib + "libstdc++.so.6":         {soname: "libstdc++.so.6", imports: []string{"iconv_open"}},
				debianLib + "libpulse.so.0":          {soname: "libpulse.so.0", imports: []string{"iconv_open"}},
				debianLib + "libpulsecommon-16.1.so": {soname: "libpulsecommon-16.1.so", imports: []string{"iconv_open"}},
				debianLib + "libidn2.so.0":           {soname: "libidn2.so.0", imports: []string{"iconv_open", "u8_strconv_from_encoding"}},
				debianLib + "libunistring.so.2":      {soname: "libunistring.so.2", imports: []string{"iconv_open"}, defines: []string{"u8_strconv_from_encoding"}},
				debianLib + "gconv/UTF-16.so":        {},
			},
		},
	},
	"gconv is included for a character set that the program names": {
		root: rootSpec{
			program: elfSpec{imports: []string{"u8_strconv_from_encoding"}},
			libs: map[string]elfSpec{
				debianLib + "libc.so.6":         {soname: "libc.so.6", defines: []string{"_nss_dns_gethostbyname4_r"}},
				debianLib + "libunistring.so.2": {soname: "libunistring.so.2", imports: []string{"iconv_open"}, defines: []string{"u8_strconv_from_encoding"}},
				debianLib + "gconv/UTF-16.so":   {},
			},
		},
		want: []string{"plugin gconv /usr/lib/x86_64-linux-gnu/gconv/UTF-16.so"},
	},
	"names of the program": {
		root: rootSpec{
			program: elfSpec{imports: []string{"dlopen"}, text: "libnamed.so.1"},
			libs:    map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}, debianLib + "libnamed.so.1": {}},
		},
		want: []string{"plugin named libnamed.so.1"},
	},
	"path of the program": {
		root: rootSpec{
			program: elfSpec{imports: []string{"dlopen"}, text: "/opt/own/libnamed.so"},
			libs:    map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}, "opt/own/libnamed.so": {}},
		},
		want: []string{"plugin named /opt/own/libnamed.so"},
	},
	"names of the program, excluded": {
		root: rootSpec{
			program: elfSpec{imports: []string{"dlopen"}, text: "libnamed.so.1"},
			libs:    map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}, debianLib + "libnamed.so.1": {}},
		},
		options: Options{Exclude: []string{"named"}},
		want:    []string{"candidate libnamed.so.1 /usr/lib/x86_64-linux-gnu/libnamed.so.1"},
	},
	"names of the program that are hidden": {
		root: rootSpec{
			program: elfSpec{imports: []string{"dlopen"}, text: "libnamed.so.1"},
			libs:    map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}, debianLib + "libnamed.so.1": {}},
		},
		hide: []string{"libnamed.so.1"},
	},
	"names of a program that opens nothing": {
		root: rootSpec{
			program: elfSpec{text: "libnamed.so.1"},
			libs:    map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}, debianLib + "libnamed.so.1": {}},
		},
	},
	"Go with the system's cryptography": {
		root: rootSpec{libs: map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}, debianLib + "libcrypto.so.1.1": {}}},
		options: Options{
			BuildInfo: &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "GOEXPERIMENT", Value: "aliastypeparams,opensslcrypto"}}},
			Linked:    func(f string) bool { return f == "plugin.open" },
		},
		want: []string{"plugin go libcrypto.so.1.1", "candidate plugin.Open"},
	},
	"Go of Red Hat": {
		root:    rootSpec{libs: map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}}},
		options: Options{BuildInfo: &debug.BuildInfo{GoVersion: "go1.24.6 (Red Hat 1.24.6-1.el9)"}},
		want:    []string{"candidate libcrypto.so.3"},
	},
	"Go with a tag": {
		root:    rootSpec{libs: map[string]elfSpec{debianLib + "libcrypto.so.3": {soname: "libcrypto.so.3"}}},
		options: Options{BuildInfo: &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "-tags", Value: "netgo,goexperiment.systemcrypto"}}}},
		want:    []string{"plugin go libcrypto.so.3"},
	},
	"Go without the system's cryptography": {
		root:    rootSpec{libs: map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}}},
		options: Options{BuildInfo: &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "GOEXPERIMENT", Value: "nosystemcrypto"}}}},
	},
	"Go with its own cryptography": {
		root: rootSpec{libs: map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}}},
		options: Options{
			BuildInfo: &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "GOEXPERIMENT", Value: "boringcrypto"}}},
			Linked:    func(string) bool { return false },
		},
	},
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range ruleCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := lines(discover(t, c.root.build(t), c.options, c.hide...))
			// The linker chooses the order of the libraries.
			want := slices.Clone(c.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}

// A library of a plugin has its own plugins, and one of these can't be loaded.
func TestResolvePluginsOfPlugins(t *testing.T) {
	t.Parallel()
	m := rootSpec{
		program: elfSpec{needs: []string{debianLib + "libvips.so.42"}},
		libs: map[string]elfSpec{
			debianLib + "libvips.so.42":                  {soname: "libvips.so.42"},
			debianLib + "vips-modules-8.15/vips-krb.so":  {},
			debianLib + "libkrb5.so.3":                   {soname: "libkrb5.so.3"},
			debianLib + "krb5/plugins/preauth/spake.so":  {},
			debianLib + "krb5/plugins/preauth/broken.so": {},
		},
	}
	root := image(m.build(t))
	root.gcc(t, debianLib+"vips-modules-8.15/vips-krb.so", elfSpec{needs: []string{debianLib + "libkrb5.so.3"}}, "-shared")
	root.gcc(t, "tmp/libgone.so.1", elfSpec{soname: "libgone.so.1"}, "-shared")
	root.gcc(t, debianLib+"krb5/plugins/preauth/broken.so", elfSpec{needs: []string{"tmp/libgone.so.1"}}, "-shared")
	c, found, err := Resolve(context.Background(), ldd.DirFS(string(root)), ldd.Program{Path: "/bin/prog"}, ldd.Env{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Plugins) != 3 {
		t.Errorf("got %q", lines(found))
	}
	for _, name := range []string{"vips-modules-8.15/vips-krb.so", "libkrb5.so.3", "krb5/plugins/preauth/spake.so"} {
		if !slices.ContainsFunc(c.Objects, func(o *ldd.Object) bool { return o.Real == "/"+debianLib+name }) {
			t.Errorf("%s is not in the closure:\n%v", name, c)
		}
	}
	if len(c.Left) != 1 || !strings.HasSuffix(c.Left[0].Name, "broken.so") {
		t.Errorf("Left = %v", c.Left)
	}
}

// A note names a library that only the RUNPATH of its object leads to. Each round finds it by its path, and
// so does the image.
func TestResolveNoteOfRunpath(t *testing.T) {
	t.Parallel()
	m := rootSpec{
		libs: map[string]elfSpec{
			debianLib + "liba.so.1":                 {soname: "liba.so.1", runpath: "/opt/own", asm: noteOf(`[{"soname":["libvips.so.42"]}]`)},
			"opt/own/libvips.so.42.1":               {soname: "libvips.so.42"},
			"opt/own/vips-modules-8.15/vips-one.so": {},
		},
		program: elfSpec{needs: []string{debianLib + "liba.so.1"}},
		files:   map[string]string{"opt/own/libvips.so.42": "-> libvips.so.42.1"},
	}
	c, found, err := Resolve(context.Background(), ldd.DirFS(m.build(t)), ldd.Program{Path: "/bin/prog"}, ldd.Env{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"plugin vips /opt/own/vips-modules-8.15/vips-one.so", "plugin notes /opt/own/libvips.so.42"}; !slices.Equal(lines(found), want) {
		t.Errorf("got %q, want %q", lines(found), want)
	}
	if o, ok := c.Lookup("libvips.so.42"); !ok || len(o.Links) != 1 || len(c.Left) > 0 {
		t.Errorf("left %v of\n%v", c.Left, c)
	}
}

// What the program names is a part of its closure, with all that it needs, and stays in what was found in all rounds.
func TestResolveNamed(t *testing.T) {
	t.Parallel()
	m := rootSpec{
		program: elfSpec{imports: []string{"dlopen"}, text: "libvips.so.42"},
		libs: map[string]elfSpec{
			debianLib + "liba.so.1":                    {soname: "liba.so.1"},
			debianLib + "libvips.so.42":                {soname: "libvips.so.42"},
			debianLib + "vips-modules-8.15/vips-kr.so": {},
		},
	}
	m.program.needs = []string{debianLib + "liba.so.1"}
	c, found, err := Resolve(context.Background(), ldd.DirFS(m.build(t)), ldd.Program{Path: "/bin/prog"}, ldd.Env{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"plugin vips /" + debianLib + "vips-modules-8.15/vips-kr.so", "plugin named libvips.so.42"}; !slices.Equal(lines(found), want) {
		t.Errorf("got %q, want %q", lines(found), want)
	}
	if o, ok := c.Lookup("libvips.so.42"); !ok || o.Opened != "libvips.so.42" {
		t.Errorf("the closure is\n%v", c)
	}
}

// What a library offers is likely to be missed if the program links the library or names it, and a guess if another library does.
func TestLikely(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct {
		root   rootSpec
		likely bool
	}{
		"linked": {rootSpec{libs: map[string]elfSpec{debianLib + "libsofthsm2.so": {soname: "libsofthsm2.so"}}}, true},
		"named": {rootSpec{
			program: elfSpec{imports: []string{"dlopen"}, text: "/opt/own/libsofthsm2.so"},
			libs:    map[string]elfSpec{"opt/own/libsofthsm2.so": {}, debianLib + "liba.so.1": {soname: "liba.so.1"}},
		}, true},
		"of another library": {rootSpec{
			libs:  map[string]elfSpec{debianLib + "libp11-kit.so.0": {soname: "libp11-kit.so.0"}, "opt/own/libsofthsm2.so": {}},
			files: map[string]string{"etc/pkcs11/modules/a.module": "module: /opt/own/libsofthsm2.so"},
		}, false},
	} {
		sys := ldd.DirFS(m.root.build(t))
		_, found, err := Resolve(context.Background(), sys, ldd.Program{Path: "/bin/prog"}, ldd.Env{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Candidates) != 1 || found.Candidates[0].Name != "softhsm" || found.Candidates[0].Likely != m.likely {
			t.Errorf("%s: got %+v", name, found.Candidates)
		}
	}
}

// A required library that is missing gives the same error as a missing library in the program's header.
func TestResolveRequired(t *testing.T) {
	t.Parallel()
	m := rootSpec{libs: map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}}}
	o := Options{BuildInfo: &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "microsoft_systemcrypto", Value: "1"}}}}
	_, _, err := Resolve(context.Background(), ldd.DirFS(m.build(t)), ldd.Program{Path: "/bin/prog"}, ldd.Env{}, o)
	var missing *ldd.NotFoundError
	if !errors.As(err, &missing) || missing.Soname != "libcrypto.so.3" {
		t.Errorf("got %v", err)
	}
}

func TestUnknownGroup(t *testing.T) {
	t.Parallel()
	m := rootSpec{libs: map[string]elfSpec{debianLib + "liba.so.1": {soname: "liba.so.1"}}}
	sys := ldd.DirFS(m.build(t))
	c, err := ldd.Resolve(context.Background(), sys, ldd.Program{Path: "/bin/prog"}, ldd.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Discover(context.Background(), sys, c, Options{Groups: []string{"vip"}}); err == nil || !strings.Contains(err.Error(), "\nfix: ") {
		t.Error(err)
	}
	for _, g := range append(Groups(), "auto") {
		if _, err := Discover(context.Background(), sys, c, Options{Groups: []string{g}}); err != nil {
			t.Error(err)
		}
	}
}

// A static program opens no libraries. Data that it names is taken.
func TestStaticProgram(t *testing.T) {
	t.Parallel()
	root := image(t.TempDir())
	need(t, "gcc")
	root.gcc(t, "bin/prog", elfSpec{text: "libnamed.so.1"}, "-static")
	if got := lines(discover(t, string(root), Options{})); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	root.gcc(t, "bin/prog", elfSpec{text: "/usr/share/dict/words"}, "-static")
	root.write(t, "/usr/share/dict/words", nil)
	if got := lines(discover(t, string(root), Options{})); !slices.Equal(got, []string{"file named /usr/share/dict/words"}) {
		t.Errorf("got %q", got)
	}
}
