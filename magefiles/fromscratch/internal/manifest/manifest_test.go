package manifest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

const pushed = "registry.example:5000/acme/web:1.2@sha256:4c1f"

// reference returns what tests replace an image by.
func reference(image string) string {
	if image == ByName+"six" {
		return "[::1]:5000/six:1"
	}
	return pushed
}

// A text, and the same with R where the reference must be. All other bytes stay.
var texts = []struct{ name, in, want string }{
	{"plain", "image: fromscratch://web\n", "image: R\n"},
	{"ko", "image: ko://example.com/web/cmd/web\n", "image: R\n"},
	{"no line break at the end", "image: fromscratch://web", "image: R"},
	{"nothing", "a: 1\n", "a: 1\n"},
	{"empty", "", ""},
	{"only comments", "# fromscratch://web\n---\n# ko://x\n", "# fromscratch://web\n---\n# ko://x\n"},
	{"comments stay", "# fromscratch://web\nimage: fromscratch://web # fromscratch://web\n  # ko://x\n", "# fromscratch://web\nimage: R # fromscratch://web\n  # ko://x\n"},
	{"quoted", "a: \"fromscratch://web\"\nb: 'fromscratch://web'\n", "a: \"R\"\nb: 'R'\n"},
	{"escapes", "a: \"fromscratch:\\x2f\\u002fweb\" # \"\nb: \"\\x66romscratch://w\\\n  eb\"\nc: \"a\\\"fromscratch://web\"\nd: 'fromscratch://it''s'\n", "a: \"R\" # \"\nb: \"R\"\nc: \"a\\\"fromscratch://web\"\nd: 'R'\n"},
	{"spaces in quotes", "a: \"fromscratch://web  \"\nb: ' fromscratch://web'\n", "a: \"R\"\nb: ' fromscratch://web'\n"},
	{"on the next line", "image:\n    # here\n    fromscratch://web\nb: 1\n", "image:\n    # here\n    R\nb: 1\n"},
	{"flow", "{image: fromscratch://web, images: [fromscratch://web,\"fromscratch://web\" , 'ko://x']}\n", "{image: R, images: [R,\"R\" , 'R']}\n"},
	{"literal", "a:\n  image: |\n    fromscratch://web\n  b: 1\n", "a:\n  image: \"R\"\n  b: 1\n"},
	{"literal, kept and stripped", "a: |+ # why\n  fromscratch://web\n\n\nb: >-\n   fromscratch://web  \nc: |2-\n  fromscratch://web\n", "a: \"R\" # why\n\n\nb: \"R\"  \nc: \"R\"\n"},
	{"literal in a list, at the end", "- |\n fromscratch://web", "- \"R\""},
	{"literal alone", "--- |\n fromscratch://web\n...\n--- >\n fromscratch://web\n", "--- \"R\"\n...\n--- \"R\"\n"},
	{"a text with an image in it", "a: |\n  run fromscratch://web\n  # fromscratch://web\nb: x fromscratch://web\n", "a: |\n  run fromscratch://web\n  # fromscratch://web\nb: x fromscratch://web\n"},
	{"an alias of nothing", "a: fromscratch://web\nb: *web\n", ""},
	{"anchors and aliases", "n: &n {x: fromscratch://web}\na: &web fromscratch://web\nb: *web\nc: !!str  &x   'fromscratch://web'\nd: &y # why\n  fromscratch://web\ne: &m {<<: *n, image: *web}\nf: &z |\n  fromscratch://web\n",
		"n: &n {x: R}\na: &web R\nb: *web\nc: !!str  &x   'R'\nd: &y # why\n  R\ne: &m {<<: *n, image: *web}\nf: &z \"R\"\n"},
	{"tags", "a: !!binary fromscratch://web\nb: !mine fromscratch://web\nc: ! fromscratch://web\n", "a: !!binary fromscratch://web\nb: !mine fromscratch://web\nc: ! R\n"},
	{"a key", "fromscratch://web: fromscratch://web\n? fromscratch://web2\n: b\n", "R: R\n? R\n: b\n"},
	{"documents", "%YAML 1.1\n---\na: fromscratch://web\n...\n---\n---\n# nothing\n---\nb: fromscratch://web\n--- # c\n- fromscratch://web\n---\n", "%YAML 1.1\n---\na: R\n...\n---\n---\n# nothing\n---\nb: R\n--- # c\n- R\n---\n"},
	{"CRLF", "a: fromscratch://web\r\nb: |\r\n  fromscratch://web\r\nc: 'fromscratch://web'\r\n", "a: R\r\nb: \"R\"\r\nc: 'R'\r\n"},
	{"CR alone", "a: fromscratch://web\rb: fromscratch://web\r", "a: R\rb: R\r"},
	{"letters of several bytes", "ä: {é: \"日本🚀\", image: fromscratch://web, b: fromscratch://web} # ü\n", "ä: {é: \"日本🚀\", image: R, b: R} # ü\n"},
	{"breaks of YAML 1.1", "a: \"x\u2028 y\u0085 z\"\nimage: fromscratch://web\n", "a: \"x\u2028 y\u0085 z\"\nimage: R\n"},
	{"a byte order mark", "\ufeffimage: fromscratch://web\nb: fromscratch://web\n", "\ufeffimage: R\nb: R\n"},
	{"tabs", "a:\t fromscratch://web\t# x\nb: [\n\tfromscratch://web\n]\n", "a:\t R\t# x\nb: [\n\tR\n]\n"},
	{"an IPv6 registry", "a: fromscratch://six\nb: [fromscratch://six]\nc: 'fromscratch://six'\n", "a: \"[::1]:5000/six:1\"\nb: [\"[::1]:5000/six:1\"]\nc: '[::1]:5000/six:1'\n"},
	{"JSON", "{\n\t\"a\": \"fromscratch://web\",\"b\": [ \"fromscratch:\\/\\/web\" , 1.50, null, true], \"ko://x\" : {\"c\":\"\\ud83d\\ude80 \\\" fromscratch://web\"}}\n", "{\n\t\"a\": \"R\",\"b\": [ \"R\" , 1.50, null, true], \"R\" : {\"c\":\"\\ud83d\\ude80 \\\" fromscratch://web\"}}\n"},
	{"several of JSON", "{\"a\":\"fromscratch://web\"}\n{\"a\":\"fromscratch://web\"}", "{\"a\":\"R\"}\n{\"a\":\"R\"}"},
	{"JSON, then YAML", "{\"a\":\"fromscratch://web\"}\n---\nb: fromscratch://web\n", "{\"a\":\"R\"}\n---\nb: R\n"},
}

// A reference is put into the place of each image, and no other byte changes.
func TestReplace(t *testing.T) {
	t.Parallel()
	for _, tt := range texts {
		f, err := Parse("a.yaml", []byte(tt.in))
		var out []byte
		if err == nil {
			_, out, err = Replace([]File{f}, reference)
		}
		if tt.want == "" && tt.in != "" {
			if err == nil || !strings.Contains(err.Error(), "a.yaml") || !strings.Contains(err.Error(), "\nfix: ") {
				t.Errorf("%s: the error is %v, want one with the file and a fix", tt.name, err)
			}
			continue
		}
		if want := strings.ReplaceAll(tt.want, "R", pushed); err != nil || string(out) != want {
			t.Errorf("%s: %v, got\n%q\nwant\n%q", tt.name, err, out, want)
		}
	}
}

// The place of an image is the line where its text begins.
func TestMentions(t *testing.T) {
	t.Parallel()
	f, err := Parse("a.yaml", []byte("# x\na: fromscratch://web\nb: |\n\n  x\n---\nc: [1,\n 'ko://x/y ']\nd: >-\n  fromscratch://a\n  b\n"))
	if want := []Mention{{ByName + "web", 2}, {"ko://x/y", 8}, {ByName + "a b", 9}}; err != nil || !slices.Equal(f.Mentions, want) {
		t.Errorf("the mentions are %v (%v), want %v", f.Mentions, err, want)
	}
	// What cannot be replaced is an error, not another text.
	if _, _, err := Replace([]File{f}, reference); err == nil || !strings.Contains(err.Error(), `a.yaml:9: the image "fromscratch://a b"`) {
		t.Errorf("the error is %v", err)
	}
	for _, reference := range []string{"a: b", "a #b", "", "a\nb", "1", "null"} {
		f, err := Parse("a.yaml", []byte("x: fromscratch://web\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Replace([]File{f}, func(string) string { return reference }); err == nil {
			t.Errorf("%q replaces the image", reference)
		}
	}
}

// Several files become one stream with all their documents.
func TestJoin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		files []string
		want  string // "" for an error
	}{
		{[]string{"a: 1", "b: fromscratch://web"}, "a: 1\n---\nb: R"},
		{[]string{"a: 1\n...\n", "", "# c\n---\nb: 1\n"}, "a: 1\n...\n---\n---\n# c\n---\nb: 1\n"},
		{[]string{"a: 1\n", "# c\n%YAML 1.1\n---\nb: 1\n"}, "a: 1\n...\n# c\n%YAML 1.1\n---\nb: 1\n"},
		{[]string{`{"a": "fromscratch://web"}`, "b: 1"}, "---\n{\"a\": \"R\"}\n---\nb: 1"},
		{[]string{"a: 1\n", "{\"a\": 1}\n{\"b\": 1}\n"}, ""},
		{[]string{"a: 1\n", `{"a": "\ud83d\ude80"}`}, ""},
		{[]string{"a: |\n  x", "b: 1"}, ""},
		{[]string{"a: |-\n  x", "b: |\n  x"}, "a: |-\n  x\n---\nb: |\n  x"},
	} {
		var files []File
		for _, text := range tt.files {
			f, err := Parse("a.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		_, out, err := Replace(files, reference)
		if want := strings.ReplaceAll(tt.want, "R", pushed); string(out) != want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %v, got\n%q\nwant\n%q", tt.files, err, out, want)
		}
		if err != nil {
			continue
		}
		if d := yaml.NewDecoder(bytes.NewReader(out)); d.Decode(new(any)) != nil {
			t.Errorf("%q is no YAML", out)
		}
	}
}

// In folders the files are those that kubectl reads.
func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b.yml", "a.yaml", "c.json", "d.txt", "e", ".f.yaml", "sub/g.yaml", "sub/h.txt", "other/x.txt"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("a: fromscratch://web\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		testkit.Skip(t, err.Error())
	}
	for _, tt := range []struct {
		paths     []string
		recursive bool
		want      string // names, or a part of the error
	}{
		{[]string{dir}, false, ".f.yaml a.yaml b.yml c.json"},
		{[]string{link}, false, ".f.yaml a.yaml b.yml c.json"},
		{[]string{dir}, true, ".f.yaml a.yaml b.yml c.json g.yaml"},
		{[]string{filepath.Join(dir, "d.txt"), "-", filepath.Join(dir, "sub")}, false, "d.txt - g.yaml"},
		{[]string{filepath.Join(dir, "other")}, true, "no file whose name ends in .json"},
		{[]string{filepath.Join(dir, "none")}, false, "fix: name files or folders that are there"},
	} {
		files, err := Read(tt.paths, tt.recursive, []byte("b: 1\n"))
		var names []string
		for _, f := range files {
			names = append(names, filepath.Base(f.Path))
			if want := map[bool]int{true: 0, false: 1}[f.Path == "-"]; len(f.Mentions) != want {
				t.Errorf("%s has %d images, want %d", f.Path, len(f.Mentions), want)
			}
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
			t.Errorf("%q: %q, want %q", tt.paths, got, tt.want)
		}
	}
	if _, err := Parse("a.yaml", []byte("a: {{ .Values.x }}\nb: [")); err == nil || !strings.Contains(err.Error(), `"a.yaml"`) || !strings.Contains(err.Error(), "fix: ") {
		t.Errorf("the error of a template is %v", err)
	}
}

// Whatever the text is: the library reads it or not, and a replacement changes nothing but the images.
func FuzzReplace(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("a.yaml", text)
		if err != nil {
			return
		}
		_, out, err := Replace([]File{file}, reference)
		if err != nil {
			return
		}
		if len(file.Mentions) == 0 && !bytes.Equal(out, text) {
			t.Errorf("%q became %q", text, out)
		}
		if after, err := Parse("a.yaml", out); err != nil || len(after.Mentions) > 0 {
			t.Errorf("%q became %q, with %v (%v)", text, out, after.Mentions, err)
		}
	})
}
