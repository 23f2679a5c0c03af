package buildkit_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const ourModule = "github.com/fromscratch-go/fromscratch/"

// rooms says which of our packages, and which modules of others, each package may
// import. What is not in the list is not a room. A name that begins with a slash is below
// buildkit/internal.
var rooms = map[string]struct{ ours, others []string }{
	"rootfs":                 {ours: []string{"rootfs/ldd", "rootfs/plaintext"}, others: []string{"github.com/otiai10/copy"}},
	"rootfs/exclude":         {ours: []string{"rootfs/ldd"}},
	"rootfs/ldd":             {ours: []string{"rootfs/ldd/elf", "rootfs/plaintext"}},
	"rootfs/ldd/cmd/ldd":     {ours: []string{"rootfs", "rootfs/ldd", "rootfs/plaintext"}},
	"rootfs/ldd/elf":         {},
	"rootfs/ldd/elf/elftest": {},
	"rootfs/linked":          {},
	"rootfs/packages":        {ours: []string{"rootfs/ldd"}},
	"rootfs/plaintext":       {},
	"rootfs/plugins":         {ours: []string{"rootfs/ldd", "rootfs/packages", "rootfs/plaintext"}},

	"/again":              {ours: []string{"/check", "/dist", "/filelock", "/fsx", "/image", "/platform", "/report"}, others: []string{"github.com/opencontainers/"}},
	"/assemble":           {ours: []string{"/compile", "/image", "/plan", "/report", "rootfs", "rootfs/ldd", "rootfs/linked", "rootfs/plaintext"}},
	"/attendant":          {ours: []string{"/embedded"}},
	"/attendant/program":  {},
	"/base":               {ours: []string{"/fsx", "/image", "/login", "/platform", "/registry/access", "/regular", "rootfs/plaintext"}, others: []string{"github.com/opencontainers/", "github.com/distribution/reference", "github.com/klauspost/compress/"}},
	"/builder":            {ours: []string{"/attendant", "/dist", "/docker", "/docker/host", "/fsx", "/gobuild", "/platform", "/report", "/sysroot", "buildkit/config", "rootfs", "rootfs/ldd", "rootfs/plaintext"}},
	"/check":              {ours: []string{"/fsx", "/image", "/plan", "/report", "/result", "rootfs", "rootfs/linked"}, others: []string{"github.com/opencontainers/"}},
	"/cleaner":            {ours: []string{"/docker", "/docker/host"}},
	"/compile":            {ours: []string{"/fsx", "/gobuild", "/plan", "/probe", "/record", "/report", "/state", "/usercache", "rootfs", "rootfs/ldd/elf", "rootfs/linked"}},
	"/deliver":            {ours: []string{"/diskfull", "/filelock", "/fsx", "/image", "/regular"}, others: []string{"github.com/opencontainers/", "github.com/distribution/reference"}},
	"/describe":           {ours: []string{"/builder", "/dist", "/fsx", "/git", "/gobuild", "/image", "/libraries", "/owners", "/plan", "/provenance", "/report", "/result", "/sbom", "/state", "buildkit/config", "rootfs", "rootfs/ldd", "rootfs/plaintext"}, others: []string{"github.com/opencontainers/"}},
	"/dev":                {ours: []string{"/docker", "/fsx", "/libraries", "/plan", "/report", "/result", "/run", "/state", "/supervisor", "/supervisor/report", "/usercache", "/watch", "rootfs/ldd"}},
	"/diskfull":           {},
	"/dist":               {ours: []string{"/filelock", "/fsx", "/report"}},
	"/docker":             {ours: []string{"/diskfull", "/docker/host", "/login", "/platform", "/registry/access", "/stall", "rootfs/plaintext"}, others: []string{"oras.land/oras-go/v2/", "github.com/docker/", "github.com/containerd/errdefs", "github.com/distribution/reference", "github.com/opencontainers/"}},
	"/docker/dockertest":  {ours: []string{"rootfs/plaintext"}, others: []string{"github.com/docker/", "github.com/containerd/errdefs"}},
	"/docker/host":        {ours: []string{"rootfs/plaintext"}, others: []string{"github.com/docker/"}},
	"/docker/kind":        {ours: []string{"/docker", "rootfs/plaintext"}, others: []string{"github.com/distribution/reference"}},
	"/dockerfile":         {ours: []string{"/fsx", "rootfs/plaintext"}},
	"/dockerfilespec":     {ours: []string{"/dockerfile", "/libraries", "/packagedb", "/plan", "/report", "/result", "rootfs", "rootfs/ldd", "rootfs/plaintext"}},
	"/embedded":           {ours: []string{"/dist", "/gobuild", "/record"}},
	"/engines":            {ours: []string{"/docker", "/docker/host", "/docker/kind", "/platform", "/report", "/run"}},
	"/expand":             {ours: []string{"/git", "/report", "buildkit/config"}},
	"/filelock":           {},
	"/fsx":                {},
	"/git":                {ours: []string{"rootfs/plaintext"}},
	"/gobuild":            {ours: []string{"/diskfull", "/filelock", "/fsx", "/holes", "/platform", "rootfs/linked", "rootfs/plaintext"}, others: []string{"golang.org/x/mod/"}},
	"/holes":              {},
	"/image":              {ours: []string{"/platform"}, others: []string{"github.com/opencontainers/", "github.com/moby/docker-image-spec/"}},
	"/libraries":          {ours: []string{"/compile", "/dist", "/fsx", "/plan", "/platform", "/record", "/report", "rootfs", "rootfs/exclude", "rootfs/ldd", "rootfs/linked", "rootfs/packages", "rootfs/plaintext", "rootfs/plugins"}},
	"/licences":           {ours: []string{"/fsx", "/gobuild", "/owners", "/plan", "rootfs", "rootfs/ldd", "rootfs/packages", "rootfs/plaintext"}, others: []string{"golang.org/x/mod/"}},
	"/login":              {ours: []string{"rootfs/plaintext"}, others: []string{"oras.land/oras-go/v2/"}},
	"/owners":             {ours: []string{"/plan", "/sbom", "rootfs", "rootfs/ldd", "rootfs/packages"}},
	"/packagedb":          {ours: []string{"/fsx", "/libraries", "/owners", "/plan", "/sbom", "rootfs", "rootfs/ldd", "rootfs/packages", "rootfs/plaintext"}},
	"/pack":               {ours: []string{"/docker", "/image", "/libraries", "/plan", "/record", "/report", "/state", "rootfs"}},
	"/plan":               {ours: []string{"/base", "/builder", "/deliver", "/dist", "/fsx", "/gobuild", "/image", "/platform", "/probe", "/registry", "/report", "buildkit/config", "rootfs", "rootfs/ldd", "rootfs/plaintext"}},
	"/platform":           {},
	"/provenance":         {ours: []string{"/git"}},
	"/record":             {},
	"/registry":           {ours: []string{"/fsx", "/image", "/login", "/platform", "/registry/access", "/stall", "rootfs/plaintext"}, others: []string{"oras.land/oras-go/v2/", "github.com/klauspost/compress/", "github.com/opencontainers/", "github.com/distribution/reference"}},
	"/registry/access":    {ours: []string{"/login", "/stall", "rootfs/plaintext"}, others: []string{"oras.land/oras-go/v2/", "github.com/distribution/reference"}},
	"/regular":            {},
	"/report":             {},
	"/resolve":            {ours: []string{"/base", "/builder", "/dist", "/docker", "/expand", "/git", "/gobuild", "/image", "/plan", "/platform", "/record", "/registry", "/regular", "/report", "/state", "/usercache", "buildkit/config"}},
	"/result":             {ours: []string{"/compile", "/image", "/libraries", "/owners", "/plan", "rootfs"}},
	"/run":                {ours: []string{"/cleaner", "/docker", "/docker/kind", "/image", "/report", "/state", "rootfs/plaintext"}},
	"/sbom":               {others: []string{"github.com/spdx/tools-golang/", "github.com/CycloneDX/cyclonedx-go"}},
	"/send":               {ours: []string{"/deliver", "/dist", "/docker", "/docker/kind", "/fsx", "/image", "/plan", "/platform", "/registry", "/report", "/result", "buildkit/config"}, others: []string{"github.com/opencontainers/"}},
	"/stall":              {},
	"/state":              {ours: []string{"/base", "/dist", "/fsx", "/gobuild", "/image", "/plan", "/platform", "/record", "buildkit/config", "rootfs"}},
	"/probe":              {ours: []string{"/embedded"}},
	"/probe/program":      {},
	"/supervisor":         {ours: []string{"/embedded"}},
	"/supervisor/program": {ours: []string{"/supervisor/report"}},
	"/supervisor/report":  {},
	"/sysroot":            {ours: []string{"/fsx", "/holes", "/record"}},
	"/usercache":          {},
	"/watch":              {others: []string{"github.com/fsnotify/fsnotify"}},

	"buildkit":              {ours: []string{"/again", "/assemble", "/builder", "/check", "/cleaner", "/compile", "/describe", "/dev", "/diskfull", "/dist", "/docker", "/docker/kind", "/dockerfilespec", "/engines", "/filelock", "/fsx", "/gobuild", "/libraries", "/licences", "/owners", "/pack", "/packagedb", "/plan", "/platform", "/registry", "/report", "/resolve", "/result", "/run", "/send", "/state", "/usercache", "buildkit/config", "rootfs", "rootfs/ldd"}, others: []string{"github.com/opencontainers/go-digest"}},
	"buildkit/acceptance":   {},
	"buildkit/buildertest":  {ours: []string{"/filelock", "buildkit/testkit"}},
	"buildkit/buildtest":    {ours: []string{"/docker", "/docker/host", "buildkit", "buildkit/testkit"}},
	"buildkit/config":       {},
	"buildkit/registrytest": {ours: []string{"buildkit/testkit"}, others: []string{"github.com/opencontainers/go-digest"}},
	"buildkit/testkit":      {ours: []string{"/filelock"}, others: []string{"golang.org/x/tools/"}},

	"magefiles/bench":                          {},
	"magefiles/bench/first":                    {ours: []string{"magefiles/bench/measure", "magefiles/release"}},
	"magefiles/bench/digests":                  {ours: []string{"buildkit", "buildkit/config"}},
	"magefiles/bench/loop":                     {ours: []string{"magefiles/bench/measure"}},
	"magefiles/bench/measure":                  {},
	"magefiles/bench/recipe":                   {ours: []string{"magefiles/bench/measure"}, others: []string{"golang.org/x/mod/"}},
	"magefiles/bench/recording":                {},
	"magefiles/bench/recipes":                  {ours: []string{"buildkit/buildertest", "magefiles/bench/measure", "magefiles/bench/recipe"}},
	"magefiles/bench/worker":                   {ours: []string{"magefiles/bench/measure"}},
	"magefiles/bench/tests":                    {ours: []string{"magefiles/bench/measure", "magefiles/testrun"}},
	"magefiles/dialogue":                       {},
	"magefiles/fromscratch":                    {ours: []string{"buildkit", "magefiles/dialogue", "magefiles/fromscratch/internal/ci", "magefiles/fromscratch/internal/document", "magefiles/fromscratch/internal/interrupt", "magefiles/fromscratch/internal/listing", "magefiles/fromscratch/internal/manifest", "magefiles/fromscratch/internal/progress", "magefiles/fromscratch/internal/settings", "magefiles/fromscratch/internal/talk", "rootfs/plaintext"}},
	"magefiles/fromscratch/internal/ci":        {ours: []string{"buildkit", "magefiles/fromscratch/internal/document", "rootfs/plaintext"}},
	"magefiles/fromscratch/internal/document":  {ours: []string{"buildkit", "rootfs/plaintext"}},
	"magefiles/fromscratch/internal/interrupt": {ours: []string{"magefiles/dialogue"}},
	"magefiles/fromscratch/internal/listing":   {ours: []string{"buildkit", "rootfs/plaintext"}},
	"magefiles/fromscratch/internal/manifest":  {others: []string{"go.yaml.in/yaml/v3"}},
	"magefiles/fromscratch/internal/progress":  {ours: []string{"buildkit", "rootfs/plaintext"}, others: []string{"golang.org/x/term"}},
	"magefiles/fromscratch/internal/settings":  {ours: []string{"buildkit", "rootfs/plaintext"}},
	"magefiles/fromscratch/internal/talk":      {ours: []string{"buildkit/config", "magefiles/dialogue"}},
	"magefiles/errorlist":                      {},
	"magefiles/endtoend":                       {},
	"magefiles/release":                        {others: []string{"golang.org/x/mod/"}},
	"magefiles/targets":                        {ours: []string{"magefiles/targets/internal/dialogue", "magefiles/targets/internal/plaintext"}, others: []string{"github.com/magefile/mage/"}},
	"magefiles/targets/init":                   {ours: []string{"magefiles/targets/internal/plaintext"}},
	"magefiles/targets/internal/dialogue":      {},
	"magefiles/targets/internal/plaintext":     {},
	"magefiles/testrun":                        {},
}

// full returns the path of a room in the module.
func full(room string) string {
	if strings.HasPrefix(room, "/") {
		return "buildkit/internal" + room
	}
	return room
}

// The way of the data is one way: no room imports one that it must not know.
func TestImportDirection(t *testing.T) {
	t.Parallel()
	var out []byte
	for _, dir := range []string{".", "../magefiles/targets"} { // the two modules
		list := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, ourModule+"...")
		list.Dir = dir
		lines, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, lines...)
	}
	seen := 0
	short := func(path string) string {
		if below, ok := strings.CutPrefix(path, "buildkit/internal/"); ok {
			return "/" + below
		}
		return path
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Fields(line)
		name := short(strings.TrimPrefix(fields[0], ourModule))
		room, ok := rooms[name]
		if !ok {
			t.Errorf("package %s is no room of the house", name)
			continue
		}
		seen++
		for _, imported := range fields[1:] {
			ours, isOurs := strings.CutPrefix(imported, ourModule)
			switch {
			case isOurs && !slices.Contains(room.ours, short(ours)):
				t.Errorf("%s imports %s, which it must not know", name, ours)
			case !isOurs && strings.Contains(imported, ".") && !slices.ContainsFunc(room.others, func(p string) bool { return strings.HasPrefix(imported, p) }):
				t.Errorf("%s imports %s, which only other rooms may", name, imported)
			}
		}
	}
	if seen != len(rooms) {
		t.Errorf("%d rooms were looked at, there are %d", seen, len(rooms))
	}
}

// Why a package is not below an internal/.
const (
	public     = "it is for other modules; the other packages may change with each version"
	command    = "it is a program, which cannot be imported"
	ofRootfs   = "buildkit uses it too, and could not import it from rootfs/internal"
	ofLdd      = "a part of rootfs/ldd; what only reads the imports of a program may use it too"
	testKit    = "tests of several parts of this module use it"
	copied     = "the targets are a module of their own, and the words of a Config are the same files in both"
	ofMagefile = "the magefile of this repository, a measurement or both processes of a target use it"
)

// outside are the packages that are not below an internal/, so that anybody can import them.
var outside = map[string]string{
	"magefiles/targets": public, "buildkit": public, "buildkit/config": public, "rootfs": public, "rootfs/ldd": public,

	"rootfs/exclude": ofRootfs, "rootfs/linked": ofRootfs, "rootfs/packages": ofRootfs, "rootfs/plaintext": ofRootfs, "rootfs/plugins": ofRootfs,
	"rootfs/ldd/elf": ofLdd, "rootfs/ldd/elf/elftest": ofLdd,

	"buildkit/acceptance": testKit, "buildkit/buildertest": testKit, "buildkit/buildtest": testKit, "buildkit/registrytest": testKit,
	"buildkit/testkit": testKit,

	"magefiles/fromscratch": command, "rootfs/ldd/cmd/ldd": command, "magefiles/bench": command, "magefiles/bench/loop": command,
	"magefiles/bench/tests": command, "magefiles/bench/digests": command, "magefiles/bench/recipes": command,
	"magefiles/targets/init": command, "magefiles/bench/first": command, "magefiles/bench/worker": command, "magefiles/bench/recording": command,

	"magefiles/endtoend": testKit, "magefiles/release": ofMagefile, "magefiles/errorlist": ofMagefile, "magefiles/dialogue": ofMagefile, "magefiles/testrun": ofMagefile, "magefiles/bench/measure": ofMagefile, "magefiles/bench/recipe": ofMagefile,
}

// No package can be imported by other modules by accident.
func TestOutside(t *testing.T) {
	t.Parallel()
	for room := range rooms {
		if name := full(room); !strings.Contains(name+"/", "/internal/") && outside[name] == "" {
			t.Errorf("anybody can import %s: move it below an internal/, or list it in outside with the reason", name)
		}
	}
	for name, why := range outside {
		if _, ok := rooms[name]; !ok {
			t.Errorf("%s is no room: remove it from outside", name)
			continue
		}
		if main := parsed(t, name)[0].Name.Name == "main"; main != (why == command) {
			t.Errorf("%s is outside because %q, but it is a program: %t", name, why, main)
		}
	}
}

// maxExported is how many names the public packages may export.
const maxExported = 228

// Each exported name is a promise: the public packages have few of them.
func TestPublicSurface(t *testing.T) {
	t.Parallel()
	var total int
	var counts []string
	for name, why := range outside {
		if why != public {
			continue
		}
		var names []string
		for _, f := range parsed(t, name) {
			names = append(names, exported(f)...)
		}
		if name == "magefiles/targets" { // its words of a Config are those of buildkit/config
			for _, f := range parsed(t, "buildkit/config") {
				names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(exported(f), n) })
			}
		}
		total += len(names)
		counts = append(counts, fmt.Sprintf("%s %d", name, len(names)))
	}
	slices.Sort(counts)
	if total > maxExported {
		t.Errorf("the public packages export %d names (%s), at most %d may be public: unexport names that no other package uses, or merge two into one",
			total, strings.Join(counts, ", "), maxExported)
	}
}

// exported returns the exported names of a file: its constants, variables, functions, types, and the methods of exported types. Fields, and
// the methods that a type has from another package, are not counted.
func exported(f *ast.File) (names []string) {
	add := func(prefix string, ids ...*ast.Ident) {
		for _, id := range ids {
			if id.IsExported() {
				names = append(names, prefix+id.Name)
			}
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add("", d.Name)
			} else if of := receiver(d); ast.IsExported(of) {
				add(of+".", d.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					add("", s.Name)
				case *ast.ValueSpec:
					add("", s.Names...)
				}
			}
		}
	}
	return names
}

// receiver returns the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	return t.(*ast.Ident).Name
}

// Packages stay small enough to be read in one sitting.
const (
	maxFiles  = 20 // of a package, without tests
	maxFields = 12 // of a struct type
)

// manyFiles are the packages with more than maxFiles files.
var manyFiles = map[string]struct {
	files int // that it has at most
	why   string
}{
	"/docker":              {26, "an engine does many things, and its containers, loads and execs share one connection and its time limits"},
	"magefiles/bench/loop": {29, "each way of building an image that is measured has a file; it is no part of the product"},
	"rootfs":               {25, "each kind of file in an image has a file, and all fill the same Tree"},
	"rootfs/ldd":           {46, "each rule of two loaders has a file, and all change the state of the same process"},
}

// manyFields are the struct types with more than maxFields fields.
var manyFields = map[string]string{
	"buildkit/config.Config":                        "a field is a word that the user may write",
	"buildkit/config.Build":                         "a field is a word that the user may write",
	"magefiles/targets.Config":                      "the same file as buildkit/config",
	"magefiles/targets.Build":                       "the same file as buildkit/config",
	"magefiles/fromscratch/internal/document.Image": "a field is a word of a JSON document",
	"/docker.BuilderRequest":                        "a field is an option of a container, and most may be left out",
	"/docker.DevRequest":                            "a field is an option of a container, and most may be left out",
	"/docker.RunRequest":                            "a field is an option of a container, and most may be left out",
	"/dockerfile.Spec":                              "a field is a part of the Dockerfile",
	"/gobuild.pkg":                                  "the fields of the JSON that go list prints",
	"/builder.Builder":                              "a container that is started at the first use, with what it was lent",
	"/plan.Facts":                                   "a field is an input of the decisions",
	"/plan.Image":                                   "a field is a decided value; most rooms read a few of them",
	"/state.Build":                                  "a field is stored in a file that older versions have written too",
	"/registry.PushRequest":                         "a field is an option of a push, and most may be left out",
	"/supervisor/program.supervisor":                "the state of one process, which one goroutine changes",
	"/watch.Watcher":                                "the state of one loop, and its channels",
	"rootfs.Spec":                                   "a field is a part of the image",
	"rootfs/ldd.Closure":                            "what a loader knows when the program is loaded",
	"rootfs/ldd.Object":                             "what a loader knows about a loaded file",
	"rootfs/ldd.process":                            "the state of a loader, as a rule may read all of it",
	"rootfs/ldd/elf/elftest.File":                   "a field is a part of a made ELF file, and most may be left out",
	"rootfs/plugins.row":                            "a field is a column of a table",
}

// Packages have few files, and struct types few fields. Exceptions are listed with a reason.
func TestSizes(t *testing.T) {
	t.Parallel()
	wide := map[string]bool{}
	for name := range rooms {
		files := parsed(t, name)
		most := max(maxFiles, manyFiles[name].files)
		if len(files) > most {
			t.Errorf("package %s has %d files without tests, at most %d: move a part of it to a package of its own, or merge small files", name, len(files), most)
		}
		if listed := manyFiles[name].files; listed > len(files) {
			t.Errorf("package %s has %d files: write that number to manyFiles, or remove it from there if it is at most %d", name, len(files), maxFiles)
		}
		for _, f := range files {
			for of, n := range fields(f) {
				of = name + "." + of
				wide[of] = wide[of] || n > maxFields
				if n > maxFields && manyFields[of] == "" {
					t.Errorf("%s has %d fields, at most %d: put those that belong together into a type of their own, or list it in manyFields with the reason", of, n, maxFields)
				}
			}
		}
	}
	for name := range manyFields {
		if !wide[name] {
			t.Errorf("%s has at most %d fields, or is gone: remove it from manyFields", name, maxFields)
		}
	}
}

// fields returns how many fields the struct types of a file have.
func fields(f *ast.File) map[string]int {
	all := map[string]int{}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				all[spec.Name.Name] = s.Fields.NumFields()
			}
		}
		return true
	})
	return all
}

// The package buildkit orders stages; what a stage does is in a package below it.
func TestOrderOfStagesIsShort(t *testing.T) {
	t.Parallel()
	const maxFiles, maxLines = 15, 1200
	files := sources(t, "buildkit")
	lines := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(text), "\n")
	}
	if len(files) > maxFiles || lines > maxLines {
		t.Errorf("buildkit has %d lines in %d files, at most %d in %d: move what one stage does to its package in buildkit/internal", lines, len(files), maxLines, maxFiles)
	}
}

// parsed returns the files of a package that are not tests, for all operating systems.
func parsed(t *testing.T, name string) (files []*ast.File) {
	t.Helper()
	for _, path := range sources(t, name) {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// sources returns the paths of these files.
func sources(t *testing.T, name string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(full(name)), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
	if len(paths) == 0 {
		t.Fatalf("package %s has no files", name)
	}
	return paths
}
