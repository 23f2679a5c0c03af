package plugins

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// Every row is complete: all names in patterns have a value, and the row names its source.
func TestRegistry(t *testing.T) {
	t.Parallel()
	for _, e := range registry {
		values := map[string]string{"lib": "/usr/lib"}
		for i := range e.soname.NumSubexp() {
			values[string(rune('1'+i))] = "x"
		}
		for _, text := range e.texts {
			if text.begin == "" && text.end == "" {
				t.Errorf("%s: the text %q matches anything", e.group, text.name)
			}
			if _, ok := expand(text.otherwise, values); !ok {
				t.Errorf("%s: %q has a name without a value", e.group, text.otherwise)
			}
			values[text.name] = "/text"
		}
		patterns := slices.Clone(e.plugins)
		for _, f := range e.files {
			patterns = append(patterns, f.pattern)
		}
		for _, o := range e.offers {
			if o.pattern != "" {
				patterns = append(patterns, o.pattern)
			}
		}
		for _, s := range e.settings {
			patterns = append(append(append(patterns, s.file), s.libraries...), s.data...)
			if len(s.keys) == 0 || (s.libraries == nil) == (s.data == nil) {
				t.Errorf("%s: a setting has no keys, or not one kind of values", e.group)
			}
		}
		for _, p := range patterns {
			expanded, ok := expand(p, values)
			if !ok {
				t.Errorf("%s: %q has a name without a value", e.group, p)
			}
			for _, b := range braces(expanded) {
				if _, err := path.Match(b, ""); err != nil || !path.IsAbs(b) {
					t.Errorf("%s: pattern %q: %v", e.group, b, err)
				}
			}
		}
		if e.group == "" || e.source == "" {
			t.Errorf("row %q has no group or no source", e.row.soname)
		}
		if len(patterns) == 0 && len(e.settings) == 0 && e.refused == nil && len(e.offers) == 0 {
			t.Errorf("row %q does nothing", e.row.soname)
		}
		if r := e.refused; r != nil && (r.Why == "" || r.Fix == "") {
			t.Errorf("row %q refuses without a reason", e.row.soname)
		}
	}
}

func TestSonames(t *testing.T) {
	t.Parallel()
	for soname, group := range map[string]string{
		"libvips.so.42": "vips", "libMagickCore-6.Q16.so.6": "imagemagick", "libMagickCore-7.Q16HDRI.so.10": "imagemagick",
		"libcrypto.so.3": "openssl", "libcrypto.so.1.1": "openssl", "libtinfo.so.6": "terminfo", "libncursesw.so.6": "terminfo",
		"libQt5Gui.so.5": "qt", "libQt6Sql.so.6": "qt", "libpython3.11.so.1.0": "python", "libperl.so.5.36": "perl",
		"libruby-3.1.so.3.1": "ruby", "libruby.so.3.3": "ruby", "libtcl8.6.so": "tcl", "libjvm.so": "java", "libogdi.so.4.1": "ogdi",
		"libhdf5_serial.so.103": "hdf5", "libonnxruntime.so.1.18.0": "onnxruntime", "libGraphicsMagick-Q16.so.3": "graphicsmagick",
		"libwebkit2gtk-4.1.so.0": "webkit", "libhunspell-1.7.so.0": "hunspell", "libnss3.so": "nss-crypto", "libnss_files.so.2": "",
		"libvips-cpp.so.42": "", "libcurl.so.4": "", "libQt5Core.so.5": "", "libMagickWand-6.Q16.so.6": "", "xlibvips.so.42": "",
	} {
		got := ""
		for _, e := range registry {
			if e.soname.MatchString(soname) {
				got = e.group
			}
		}
		if got != group {
			t.Errorf("%s is of group %q, want %q", soname, got, group)
		}
	}
}

func TestBraces(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"/a":            "/a",
		"/{a,b}/c":      "/a/c /b/c",
		"/{a,b}/{c,d}":  "/a/c /b/c /a/d /b/d",
		"/x{,y}":        "/x /xy",
		"/{unclosed":    "/{unclosed",
		"{/usr,/opt}/*": "/usr/* /opt/*",
	} {
		got := braces(pattern)
		slices.Sort(got)
		sorted := strings.Fields(want)
		slices.Sort(sorted)
		if !slices.Equal(got, sorted) {
			t.Errorf("braces(%q) = %q, want %q", pattern, got, sorted)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	values := map[string]string{"lib": "/usr/lib", "1": "6"}
	for pattern, want := range map[string]string{"<lib>/a-<1>.*": "/usr/lib/a-6.*", "/a": "/a", "<gone>/a": "", "<lib": ""} {
		if got, ok := expand(pattern, values); got != want && ok || ok != (want != "") {
			t.Errorf("expand(%q) = %q, %t", pattern, got, ok)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	content := []byte("x\x00not/gconv\x00/usr/lib/gconv/gconv-modules\x00/usr/lib/../lib/gconv\x00OPENSSLDIR: \"/etc/ssl\"\x00OPENSSLDIR: N/A\x00/usr/lib/locale/locale-archive\x00end/gconv")
	for _, c := range []struct {
		text text
		want string
	}{
		{text{end: "/gconv"}, "/usr/lib"},
		{text{begin: `OPENSSLDIR: "`, end: `"`}, "/etc/ssl"},
		{text{begin: `MODULESDIR: "`, end: `"`}, ""},
		{text{end: "/locale-archive"}, "/usr/lib/locale"},
		{text{begin: "OPENSSLDIR: ", end: "A"}, ""}, // not absolute
	} {
		if got, ok := c.text.find(content); got != c.want || ok != (c.want != "") {
			t.Errorf("%+v: got %q, %t, want %q", c.text, got, ok, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("\x00/usr/lib/gconv\x00"), "", "/gconv")
	f.Add([]byte(`DIR: "/a"`+"\x00"), `DIR: "`, `"`)
	f.Fuzz(func(t *testing.T, content []byte, begin, end string) {
		if begin == "" && end == "" {
			return
		}
		if got, ok := (text{begin: begin, end: end}).find(content); ok && !path.IsAbs(got) {
			t.Errorf("got %q", got)
		}
	})
}
