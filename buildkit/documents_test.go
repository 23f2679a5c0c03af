package buildkit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/describe"
)

// documents are those of an image, by name.
func documents(t *testing.T, built *buildkit.Result) map[string][]byte {
	t.Helper()
	docs, err := describe.Documents(context.Background(), built.Result, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, d := range docs {
		all[d.Name] = d.Content
	}
	if len(all) != 3 {
		t.Fatalf("there are %d documents", len(all))
	}
	return all
}

// listed are the files that a document lists, with their sums, and the package that
// each is in: "" for the image.
func listed(t *testing.T, text []byte) (sums, in map[string]string) {
	t.Helper()
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	sums, in = map[string]string{}, map[string]string{}
	var visit func(list *[]cdx.Component, of string)
	visit = func(list *[]cdx.Component, of string) {
		if list == nil {
			return
		}
		for _, c := range *list {
			if c.Type != cdx.ComponentTypeFile {
				visit(c.Components, c.Name)
				continue
			}
			if sums[c.Name] != "" {
				t.Errorf("%s is listed twice", c.Name)
			}
			sums[c.Name], in[c.Name] = (*c.Hashes)[1].Value, of
		}
	}
	visit(bom.Components, "")
	return sums, in
}

// dependencies are what something needs, by a document.
func dependencies(t *testing.T, text []byte, ref string) []string {
	t.Helper()
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	for _, d := range *bom.Dependencies {
		if d.Ref == ref {
			return *d.Dependencies
		}
	}
	return nil
}

// Each regular file of an image is listed once, with its sum, and in the package that
// dpkg knows it of. Readers that have no part in the writing find nothing wrong.
func TestDocumentsCoverTheImage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		module, pkg string
		c           buildkit.Config
		has         map[string]string // packages of files
	}{
		"sqlite": {module: "../../examples/sqlite", pkg: "sqlite3", c: buildkit.Config{Build: config.Build{Tags: []string{"libsqlite3"}}, Files: []config.File{{From: "go.mod", To: "/srv/"}}},
			has: map[string]string{"/srv/go.mod": "", "/etc/passwd": "", "/sqlite": "example.com/sqlite", "/usr/share/zoneinfo/UTC": "tzdata"}},
		"vips":   {module: "vipsformats", pkg: "vips", c: buildkit.Config{Name: "vips"}, has: map[string]string{"/vips": "example.com/vipsformats"}},
		"static": {module: "pie", c: buildkit.Config{Build: config.Build{Cgo: "off"}}, has: map[string]string{"/pie": "example.com/pie"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.pkg != "" {
				needPackage(t, test.pkg)
			}
			built := mustBuild(t, ownCopy(t, test.module), test.c)
			docs := documents(t, built)
			sums, in := listed(t, docs["sbom.cdx.json"])
			owners := map[string]string{}
			for _, e := range built.Tree.Entries() {
				if !e.Mode.IsRegular() {
					continue
				}
				content, err := fs.ReadFile(built.Tree, strings.TrimPrefix(e.Path, "/"))
				if err != nil {
					t.Fatal(err)
				}
				if want := fmt.Sprintf("%x", sha256.Sum256(content)); sums[e.Path] != want {
					t.Errorf("%s has the sum %q, want %s", e.Path, sums[e.Path], want)
				}
				delete(sums, e.Path)
				if name, ok := e.Source.Sysroot(); ok {
					owners["/"+name] = in[e.Path]
				}
			}
			sameOwners(t, owners)
			for path := range sums {
				t.Errorf("%s is listed, and not in the image", path)
			}
			for path, want := range test.has {
				if got, ok := in[path]; !ok || got != want {
					t.Errorf("%s is in %q, want %q", path, got, want)
				}
			}
			readable(t, docs)
		})
	}
}

// sameOwners asks dpkg, where there is one, for the packages of files. dpkg knows some
// files by the names that they had before /lib was a link.
func sameOwners(t *testing.T, owners map[string]string) {
	t.Helper()
	if _, err := exec.LookPath("dpkg"); err != nil || len(owners) == 0 {
		return
	}
	args := []string{"-S"}
	for path := range owners {
		args = append(args, path, strings.TrimPrefix(path, "/usr"))
	}
	out, _ := exec.Command("dpkg", args...).Output() // it fails for what nobody has
	known := map[string]string{}
	for _, line := range strings.Split(string(out), "\n") {
		if packages, path, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, "diversion ") {
			known[path] += packages
		}
	}
	for path, owner := range owners {
		says := known[path] + known[strings.TrimPrefix(path, "/usr")]
		if owner == "" && says != "" || owner != "" && !strings.Contains(says, owner) {
			t.Errorf("%s is in %q, dpkg says %q", path, owner, says)
		}
	}
}

// readable has the documents read by the program in internal/sbom/testdata/reader.
func readable(t *testing.T, docs map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	reader := filepath.Join(dir, "reader")
	if out, err := exec.Command("go", "build", "-C", "internal/sbom/testdata/reader", "-o", reader, ".").CombinedOutput(); err != nil {
		missing(t, "a reader of other people ("+string(out)+")")
	}
	for name, text := range docs {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	schemas := filepath.Join(strings.TrimSpace(output(t, "", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go")), "schema")
	output(t, dir, reader, "cyclonedx", schemas, "sbom.cdx.json")
	output(t, dir, reader, "spdx", "sbom.spdx.json")
}

// A build that takes its libraries over from an earlier one has the very documents of
// that one, and so has one in another folder.
func TestDocumentsAreTheSame(t *testing.T) {
	t.Parallel()
	needPackage(t, "sqlite3")
	var first map[string][]byte
	describe := func(dir string, words string) {
		t.Helper()
		in := inputs(dir, buildkit.Config{Build: config.Build{Tags: []string{"libsqlite3"}}, Licenses: true})
		plans, err := buildkit.Resolve(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		var said string
		built, err := buildkit.Build(context.Background(), plans[0], func(e buildkit.Event) {
			if e.Step == "libraries" && e.State == buildkit.Done {
				said = e.Text
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(said, words) {
			t.Errorf("the libraries are %q, want %q at the end", said, words)
		}
		docs := documents(t, built)
		if first == nil {
			first = docs
		}
		for name := range docs {
			if !bytes.Equal(docs[name], first[name]) {
				t.Errorf("%s is another one", name)
			}
		}
		if err := built.Close(); err != nil {
			t.Fatal(err)
		}
	}
	dir := ownCopy(t, "../../examples/sqlite")
	describe(dir, "")
	describe(dir, ", as before")
	describe(ownCopy(t, "../../examples/sqlite"), "")
}

// The provenance names the commit, and neither secrets nor this machine. A commit
// changes it, and not the image.
func TestProvenance(t *testing.T) {
	need(t, "git")
	dir := small(t)
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	git := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(output(t, dir, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...))
	}
	c := buildkit.Config{
		Env: map[string]string{"TOKEN": "secret-env"}, Build: config.Build{Env: map[string]string{"GOPROXY": "https://secret-go@example.com,off"}}, Push: config.Push{Annotations: config.AnnotationsGit}, Origin: filepath.Join(dir, "magefile.go") + ":3",
	}
	git("init", "-q")
	git("add", "main.go", "go.mod")
	git("commit", "-q", "-m", "one")
	git("remote", "add", "origin", "https://user:secret-remote@example.com/acme/small.git")
	git("tag", "v1.2.3")
	built := mustBuild(t, dir, c)
	id, text := built.Image.ConfigDigest, documents(t, built)["provenance.json"]
	checkProvenance(t, text, git("rev-parse", "HEAD"), false)
	for _, secret := range []string{"secret", dir, `"origin": "host"`} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("it has %q in it:\n%s", secret, text)
		}
	}
	annotations, err := describe.Annotations(context.Background(), built.Result, nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"title": "small", "source": "https://example.com/acme/small.git", "revision": git("rev-parse", "HEAD"), "version": "v1.2.3", "created": ""} {
		if got := annotations["org.opencontainers.image."+key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	annotatedFiles(t, built, annotations)
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	git("add", "README")
	git("commit", "-q", "-m", "two")
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("newer"), 0o644); err != nil {
		t.Fatal(err)
	}
	built = mustBuild(t, dir, c)
	if built.Image.ConfigDigest != id {
		t.Error("the commit has changed the image")
	}
	checkProvenance(t, documents(t, built)["provenance.json"], git("rev-parse", "HEAD"), true)
	if annotations, err = describe.Annotations(context.Background(), built.Result, nil); err != nil || annotations["org.opencontainers.image.version"] != "" ||
		annotations["org.opencontainers.image.revision"] != git("rev-parse", "HEAD")+"-dirty" {
		t.Errorf("the annotations are %v (%v)", annotations, err)
	}
}

// annotatedFiles checks that the manifest in a layout has the annotations that a push would give it, and that an archive
// has them beside the manifest, which is the one that an engine is sent.
func annotatedFiles(t *testing.T, built *buildkit.Result, want map[string]string) {
	t.Helper()
	ctx := context.Background()
	paths, err := buildkit.LayoutAll(ctx, []*buildkit.Result{built}, "")
	if err != nil {
		t.Fatal(err)
	}
	archive := writeArchive(t, built)
	var layout, inArchive ocispec.Index
	var manifest ocispec.Manifest
	read := func(text []byte, err error, into any) {
		t.Helper()
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(paths[0], "index.json"))
	read(text, err, &layout)
	text, err = os.ReadFile(filepath.Join(paths[0], "blobs/sha256", layout.Manifests[0].Digest.Encoded()))
	read(text, err, &manifest)
	read([]byte(output(t, "", "tar", "-xOf", archive, "index.json")), nil, &inArchive)
	if !maps.Equal(manifest.Annotations, want) {
		t.Errorf("the manifest in the layout has %v, want %v", manifest.Annotations, want)
	}
	entry := inArchive.Manifests[0]
	for key, value := range want {
		if entry.Annotations[key] != value {
			t.Errorf("the entry in the archive has %v, want %v", entry.Annotations, want)
		}
	}
	if entry.Digest != built.Image.ManifestDigest {
		t.Errorf("the archive has the manifest %s, want %s", entry.Digest, built.Image.ManifestDigest)
	}
}

func checkProvenance(t *testing.T, text []byte, commit string, dirty bool) {
	t.Helper()
	var doc struct {
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct {
					Name, URI   string
					Digest      map[string]string
					Annotations map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	from := doc.Predicate.BuildDefinition.ResolvedDependencies
	if len(from) < 2 || from[0].Digest["gitCommit"] != commit || from[0].Annotations["dirty"] != dirty || from[0].URI != "git+https://example.com/acme/small.git@"+commit || from[1].Name != "go" {
		t.Errorf("it is built from %+v, want the commit %s, dirty: %t", from, commit, dirty)
	}
}

// The documents stand beside the archive. A build that fails leaves none, and neither
// does one whose image they are not about.
func TestDocumentsBesideTheArchive(t *testing.T) {
	t.Parallel()
	dir := small(t)
	paths := []string{"sbom.spdx.json", "sbom.cdx.json", "provenance.json"}
	there := func() (n int) {
		for _, name := range paths {
			if info, err := os.Stat(filepath.Join(dir, "dist/small", name)); err == nil && info.Mode().Perm() == 0o644 {
				n++
			}
		}
		return n
	}
	write := func() {
		t.Helper()
		built := mustBuild(t, dir, buildkit.Config{})
		writeArchive(t, built)
		if err := built.Close(); err != nil {
			t.Fatal(err)
		}
		if n := there(); n != 3 {
			t.Fatalf("%d documents are there", n)
		}
	}
	write()
	broken := errors.New("broken")
	if _, err := build(context.Background(), dir, buildkit.Config{Build: config.Build{After: func(context.Context, config.BuildInfo) error { return broken }}}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if n := there(); n != 0 {
		t.Errorf("%d documents are there after a build that failed", n)
	}
	write()
	built := mustBuild(t, dir, buildkit.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := built.WriteDocuments(ctx); err == nil || there() != 0 {
		t.Errorf("an interrupted run leaves %d documents (%v)", there(), err)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	write()
	built = mustBuild(t, dir, buildkit.Config{Repo: repo + "documents"})
	load(t, built)
	if n := there(); n != 3 {
		t.Errorf("%d documents of the very image are there", n)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	built = mustBuild(t, dir, buildkit.Config{Repo: repo + "documents", Cmd: []string{"other"}})
	load(t, built)
	if n := there(); n != 0 {
		t.Errorf("%d documents of another image are there", n)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	dists, err := buildkit.Dists(context.Background(), buildkit.Inputs{Dir: dir, Environ: os.Environ()})
	if err != nil || len(dists) != 1 {
		t.Fatalf("there are %q (%v)", dists, err)
	}
}

// The texts of licences come with the libraries and the modules, each for a reason; a
// text that changes is seen by the next build.
func TestLicences(t *testing.T) {
	t.Parallel()
	dir := module(t, map[string]string{
		"go.mod": `module example.com/app

go 1.23

require example.com/near v0.0.0

replace example.com/near => ./near
`,
		"main.go": `package main

import "example.com/near"

func main() { println(near.Answer()) }
`,
		"LICENSE": "mine",
		"near/go.mod": `module example.com/near

go 1.23
`,
		"near/near.go": `package near

func Answer() int { return 2 }
`,
		"near/LICENCE":          "near's",
		"near/notice.go":        "package near\n",
		"near/part/COPYING.txt": "part's",
		"near/testdata/LICENSE": "no part",
	})
	c := buildkit.Config{Licenses: true}
	in := inputs(dir, c)
	first := run(t, in)
	if !stands(t, inputs(dir, c)) {
		t.Error("the image does not stand though nothing has changed")
	}
	built := mustBuild(t, dir, c)
	var texts []string
	for _, e := range built.Explain().Entries {
		if e.Type == "file" && strings.HasPrefix(e.Path, "/usr/share/doc/") {
			texts = append(texts, e.Path[len("/usr/share/doc/app/licenses/"):])
			if !strings.HasPrefix(e.Reason, "licence of ") || e.For != "/app" {
				t.Errorf("%s is there for %q of %q", e.Path, e.Reason, e.For)
			}
		}
	}
	texts = slices.DeleteFunc(texts, func(name string) bool { return strings.HasPrefix(name, "go@") })
	if want := []string{"example.com/near/LICENCE", "example.com/near/part/COPYING.txt"}; !slices.Equal(texts, want) {
		t.Errorf("the texts are %q, want %q", texts, want)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "near/LICENCE"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if stands(t, inputs(dir, c)) {
		t.Error("the image stands though a text has changed")
	}
	if second := run(t, inputs(dir, c)); second["app"] == first["app"] {
		t.Error("the image has the old text")
	}
}

// The licences of Debian's packages, and what they refer to. They stay when the
// libraries are those of an earlier build.
func TestHeavyPackageLicences(t *testing.T) {
	t.Parallel()
	needPackage(t, "sqlite3")
	if _, err := os.Stat("/usr/share/doc/libc6/copyright"); err != nil {
		missing(t, "a Debian with its documentation")
	}
	dir := ownCopy(t, "../../examples/sqlite")
	c := buildkit.Config{Build: config.Build{Tags: []string{"libsqlite3"}}, Licenses: true}
	first := run(t, inputs(dir, c))
	if err := os.WriteFile(filepath.Join(dir, "more.go"), []byte("package main\n\nfunc init() { println(1) }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if second := run(t, inputs(dir, c)); second["sqlite"] == first["sqlite"] {
		t.Error("the program has not changed")
	}
	if err := os.Remove(filepath.Join(dir, "more.go")); err != nil {
		t.Fatal(err)
	}
	if third := run(t, inputs(dir, c)); third["sqlite"] != first["sqlite"] {
		t.Error("with the libraries of an earlier build the image is another one")
	}
	built := mustBuild(t, dir, c)
	for _, path := range []string{
		"/usr/share/doc/libc6/copyright", "/usr/share/doc/libsqlite3-0/copyright", "/usr/share/common-licenses/LGPL-2.1", "/usr/share/common-licenses/GPL-3",
	} {
		content, err := fs.ReadFile(built.Tree, strings.TrimPrefix(path, "/"))
		if err != nil {
			t.Error(err)
			continue
		}
		if want, err := os.ReadFile(path); err != nil || !bytes.Equal(content, want) {
			t.Errorf("%s is another text (%v)", path, err)
		}
	}
	if chain, err := built.Chain("/usr/share/common-licenses/LGPL-2.1"); err != nil || len(chain) < 3 {
		t.Errorf("the chain is %+v (%v)", chain, err)
	}
}

// The packages of a cross compiler's folder are those of this machine.
func TestHeavyDocumentsCross(t *testing.T) {
	t.Parallel()
	need(t, "aarch64-linux-gnu-gcc")
	built := mustBuild(t, ownCopy(t, "cross"), buildkit.Config{
		Platforms: []string{"linux/arm64"}, Build: config.Build{Cgo: "on", Env: map[string]string{"CC": "aarch64-linux-gnu-gcc"}}, Licenses: true,
	})
	docs := documents(t, built)
	_, in := listed(t, docs["sbom.cdx.json"])
	if got := in["/lib/libc.so.6"]; got != "libc6-arm64-cross" {
		t.Errorf("the C library is in %q; there are %v", got, in)
	}
	if _, ok := built.Tree.Lookup("/usr/share/doc/libc6-arm64-cross/copyright"); !ok {
		t.Error("its licence is not in the image")
	}
	readable(t, docs)
}

// A sysroot of Alpine: its packages are known, and that they have no texts is said.
func TestHeavyDocumentsAlpine(t *testing.T) {
	t.Parallel()
	sysroot, _ := muslSysroot(t)
	c := onMusl(sysroot)
	c.Licenses = true
	built, notes := mustBuildNoted(t, ownCopy(t, "musl"), c)
	docs, sees := documents(t, built), false
	for _, want := range []string{`"pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.18.4"`, `"id": "MIT"`} {
		if !bytes.Contains(docs["sbom.cdx.json"], []byte(want)) {
			t.Errorf("%s is not in\n%s", want, docs["sbom.cdx.json"])
		}
	}
	for _, d := range dependencies(t, docs["sbom.cdx.json"], "Program") {
		if strings.HasPrefix(d, "Package-musl-1.2.4-r2-") {
			sees = true
		}
	}
	if !sees {
		t.Error("the program does not need musl")
	}
	if !strings.Contains(notes.String(), "no text of a licence is there of musl 1.2.4-r2 (x86_64)") {
		t.Errorf("the notes are\n%s", notes)
	}
	readable(t, docs)
}

// What is installed in the base is listed, and the base is what the image descends from.
func TestHeavyDocumentsOnABase(t *testing.T) {
	root := alpine(t)
	for name, text := range map[string]string{
		"etc/os-release":       "ID=alpine\nVERSION_ID=3.20.1\n",
		"lib/apk/db/installed": "P:busybox\nV:1.36.1-r29\nA:x86_64\nL:GPL-2.0-only\nF:bin\nR:busybox\n",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	base := imported(t, root, "documents")
	built := mustBuildOn(t, asking(t), buildkit.Config{Base: base, Repo: repo + "ondocuments"})
	docs := documents(t, built)
	for name, want := range map[string]string{
		"sbom.cdx.json":   "pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1",
		"sbom.spdx.json":  "DESCENDANT_OF",
		"provenance.json": "pkg:oci/" + repo + "base-documents@sha256:",
	} {
		if !bytes.Contains(docs[name], []byte(want)) {
			t.Errorf("%s does not have %s", name, want)
		}
	}
	readable(t, docs)
}

// A database that makes no sense is told, and the image has its documents all the same.
func TestDocumentsBrokenDatabase(t *testing.T) {
	t.Parallel()
	sysroot := module(t, map[string]string{"usr/lib/sysimage/rpm/rpmdb.sqlite": "none"})
	built, notes := mustBuildNoted(t, ownCopy(t, "pie"), buildkit.Config{Build: config.Build{Cgo: "off"}, Sysroot: sysroot})
	readable(t, documents(t, built))
	if _, err := built.WriteDocuments(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(notes.String(), "warning: not all packages are known") {
		t.Errorf("the notes are\n%s", notes)
	}
}

// mustBuildNoted is mustBuild, with what a person hears.
func mustBuildNoted(t *testing.T, dir string, c buildkit.Config) (*buildkit.Result, *strings.Builder) {
	t.Helper()
	plans, err := buildkit.Resolve(context.Background(), buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: []buildkit.Config{c}})
	if err != nil {
		t.Fatal(err)
	}
	notes := &strings.Builder{}
	built, err := buildkit.Build(context.Background(), plans[0], func(e buildkit.Event) {
		if e.State == buildkit.Note {
			fmt.Fprintln(notes, e.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := built.Close(); err != nil {
			t.Error(err)
		}
	})
	return built, notes
}
