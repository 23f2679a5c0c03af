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
// import. What is not in the list is not a room.
var rooms = map[string]struct{ ours, others []string }{
	"rootfs/plaintext":                 {},
	"rootfs/ldd/elf":                   {},
	"rootfs/ldd/elf/elftest":           {},
	"rootfs/ldd":                       {ours: []string{"rootfs/ldd/elf", "rootfs/plaintext"}},
	"rootfs/ldd/cmd/ldd":               {ours: []string{"rootfs", "rootfs/ldd", "rootfs/plaintext"}},
	"buildkit/internal/record":         {},
	"buildkit/internal/filelock":       {},
	"buildkit/internal/diskfull":       {},
	"buildkit/internal/stall":          {},
	"buildkit/internal/regular":        {},
	"rootfs/linked":                    {},
	"rootfs/exclude":                   {ours: []string{"rootfs/ldd"}},
	"rootfs/packages":                  {ours: []string{"rootfs/ldd"}},
	"rootfs/plugins":                   {ours: []string{"rootfs/ldd", "rootfs/packages", "rootfs/plaintext"}},
	"rootfs":                           {ours: []string{"rootfs/ldd", "rootfs/plaintext"}, others: []string{"github.com/otiai10/copy"}},
	"buildkit/internal/platform":       {},
	"buildkit/internal/report":         {},
	"buildkit/internal/fsx":            {},
	"buildkit/internal/dockerfilespec": {ours: []string{"buildkit/internal/dockerfile", "buildkit/internal/libraries", "buildkit/internal/plan", "buildkit/internal/report", "buildkit/internal/result", "rootfs", "rootfs/ldd", "rootfs/packages", "rootfs/plaintext"}},
	"buildkit/internal/state":          {ours: []string{"buildkit/internal/base", "buildkit/config", "buildkit/internal/gobuild", "buildkit/internal/image", "buildkit/internal/dist", "buildkit/internal/fsx", "buildkit/internal/plan", "buildkit/internal/platform", "buildkit/internal/record", "rootfs"}},
	"buildkit/internal/plan":           {ours: []string{"buildkit/internal/fsx", "buildkit/internal/base", "buildkit/config", "buildkit/internal/deliver", "buildkit/internal/gobuild", "buildkit/internal/image", "buildkit/internal/registry", "buildkit/internal/builder", "buildkit/internal/dist", "buildkit/internal/platform", "buildkit/internal/report", "rootfs", "rootfs/ldd", "rootfs/plaintext"}},
	"buildkit/internal/libraries":      {ours: []string{"buildkit/internal/compile", "buildkit/internal/dist", "buildkit/internal/fsx", "buildkit/internal/plan", "buildkit/internal/report", "buildkit/internal/record", "rootfs", "rootfs/exclude", "rootfs/ldd", "rootfs/linked", "rootfs/plaintext", "rootfs/plugins"}},
	"buildkit/internal/result":         {ours: []string{"buildkit/internal/image", "buildkit/internal/compile", "buildkit/internal/libraries", "buildkit/internal/plan", "rootfs"}},
	"buildkit/internal/send":           {ours: []string{"buildkit/internal/deliver", "buildkit/internal/docker", "buildkit/internal/docker/kind", "buildkit/internal/image", "buildkit/internal/registry", "buildkit/internal/dist", "buildkit/internal/fsx", "buildkit/internal/plan", "buildkit/internal/platform", "buildkit/internal/report", "buildkit/internal/result"}, others: []string{"github.com/opencontainers/"}},
	"buildkit/internal/assemble":       {ours: []string{"buildkit/internal/image", "buildkit/internal/compile", "buildkit/internal/plan", "buildkit/internal/report", "rootfs", "rootfs/ldd", "rootfs/linked"}},
	"buildkit/internal/compile":        {ours: []string{"buildkit/internal/gobuild", "buildkit/internal/fsx", "buildkit/internal/plan", "buildkit/internal/report", "buildkit/internal/state", "buildkit/internal/record", "rootfs/linked"}},
	"buildkit/internal/describe":       {ours: []string{"buildkit/internal/gobuild", "buildkit/internal/image", "buildkit/internal/builder", "buildkit/internal/dist", "buildkit/internal/fsx", "buildkit/internal/libraries", "buildkit/internal/owners", "buildkit/internal/plan", "buildkit/internal/report", "buildkit/internal/result", "buildkit/internal/state", "buildkit/internal/provenance", "buildkit/internal/sbom", "rootfs", "rootfs/ldd", "rootfs/plaintext"}, others: []string{"github.com/opencontainers/"}},
	"buildkit/internal/dev":            {ours: []string{"buildkit/internal/docker", "buildkit/internal/fsx", "buildkit/internal/libraries", "buildkit/internal/plan", "buildkit/internal/report", "buildkit/internal/result", "buildkit/internal/run", "buildkit/internal/state", "buildkit/internal/usercache", "buildkit/internal/supervisor", "buildkit/internal/supervisor/report", "buildkit/internal/watch", "rootfs/ldd"}},
	"buildkit/internal/licences":       {ours: []string{"buildkit/internal/gobuild", "buildkit/internal/fsx", "buildkit/internal/owners", "buildkit/internal/plan", "rootfs", "rootfs/ldd", "rootfs/packages", "rootfs/plaintext"}, others: []string{"golang.org/x/mod/"}},
	"buildkit/internal/owners":         {ours: []string{"buildkit/internal/plan", "buildkit/internal/sbom", "rootfs", "rootfs/ldd", "rootfs/packages"}},
	"buildkit/internal/pack":           {ours: []string{"buildkit/internal/docker", "buildkit/internal/image", "buildkit/internal/libraries", "buildkit/internal/plan", "buildkit/internal/report", "buildkit/internal/state", "buildkit/internal/record", "rootfs"}},
	"buildkit/internal/run":            {ours: []string{"buildkit/internal/docker", "buildkit/internal/docker/kind", "buildkit/internal/image", "buildkit/internal/cleaner", "buildkit/internal/report", "buildkit/internal/state", "rootfs/plaintext"}},
	"buildkit/internal/resolve":        {ours: []string{"buildkit/internal/base", "buildkit/config", "buildkit/internal/docker", "buildkit/internal/gobuild", "buildkit/internal/image", "buildkit/internal/builder", "buildkit/internal/dist", "buildkit/internal/plan", "buildkit/internal/platform", "buildkit/internal/report", "buildkit/internal/state", "buildkit/internal/usercache", "buildkit/internal/record", "buildkit/internal/registry"}},
	"buildkit/internal/usercache":      {},
	"buildkit/internal/embedded":       {ours: []string{"buildkit/internal/gobuild", "buildkit/internal/dist", "buildkit/internal/record"}},
	"buildkit/internal/engines":        {ours: []string{"buildkit/internal/docker", "buildkit/internal/docker/host", "buildkit/internal/docker/kind", "buildkit/internal/platform", "buildkit/internal/report", "buildkit/internal/run"}},
	"buildkit/internal/cleaner":        {ours: []string{"buildkit/internal/docker", "buildkit/internal/docker/host"}},
	"buildkit/internal/builder":        {ours: []string{"rootfs/plaintext", "buildkit/internal/attendant", "buildkit/config", "buildkit/internal/docker", "buildkit/internal/docker/host", "buildkit/internal/gobuild", "buildkit/internal/sysroot", "buildkit/internal/dist", "buildkit/internal/fsx", "buildkit/internal/platform", "buildkit/internal/report", "rootfs", "rootfs/ldd"}},
	"buildkit/internal/login":          {ours: []string{"rootfs/plaintext"}, others: []string{"oras.land/oras-go/v2/"}},
	"buildkit/internal/dist":           {ours: []string{"buildkit/internal/filelock", "buildkit/internal/fsx", "buildkit/internal/report"}},

	"buildkit/internal/gobuild":  {ours: []string{"buildkit/internal/fsx", "buildkit/internal/platform", "buildkit/internal/holes", "buildkit/internal/diskfull", "buildkit/internal/filelock", "rootfs/linked", "rootfs/plaintext"}, others: []string{"golang.org/x/mod/"}},
	"buildkit/internal/holes":    {},
	"buildkit/internal/image":    {ours: []string{"buildkit/internal/platform"}, others: []string{"github.com/opencontainers/", "github.com/moby/docker-image-spec/"}},
	"buildkit/internal/base":     {ours: []string{"buildkit/internal/fsx", "buildkit/internal/login", "buildkit/internal/regular", "buildkit/internal/platform", "buildkit/internal/image", "buildkit/internal/registry/access", "rootfs/plaintext"}, others: []string{"github.com/opencontainers/", "github.com/distribution/reference", "github.com/klauspost/compress/"}},
	"buildkit/internal/deliver":  {ours: []string{"buildkit/internal/fsx", "buildkit/internal/regular", "buildkit/internal/image", "buildkit/internal/filelock", "buildkit/internal/diskfull"}, others: []string{"github.com/opencontainers/", "github.com/distribution/reference"}},
	"buildkit/internal/docker":   {ours: []string{"buildkit/internal/diskfull", "buildkit/internal/docker/host", "buildkit/internal/login", "buildkit/internal/platform", "rootfs/plaintext", "buildkit/internal/registry/access", "buildkit/internal/stall"}, others: []string{"oras.land/oras-go/v2/", "github.com/docker/", "github.com/containerd/errdefs", "github.com/distribution/reference", "github.com/opencontainers/"}},
	"buildkit/internal/registry": {ours: []string{"buildkit/internal/fsx", "buildkit/internal/login", "buildkit/internal/image", "buildkit/internal/stall", "buildkit/internal/registry/access", "rootfs/plaintext"}, others: []string{"oras.land/oras-go/v2/", "github.com/klauspost/compress/", "github.com/opencontainers/", "github.com/distribution/reference"}},
	"buildkit/config":            {},

	"buildkit/internal/docker/host":       {ours: []string{"rootfs/plaintext"}, others: []string{"github.com/docker/"}},
	"buildkit/internal/docker/kind":       {ours: []string{"buildkit/internal/docker", "rootfs/plaintext"}, others: []string{"github.com/distribution/reference"}},
	"buildkit/internal/docker/dockertest": {ours: []string{"rootfs/plaintext"}, others: []string{"github.com/docker/", "github.com/containerd/errdefs"}},

	"buildkit/internal/registry/access": {ours: []string{"buildkit/internal/login", "buildkit/internal/stall", "rootfs/plaintext"}, others: []string{"oras.land/oras-go/v2/", "github.com/distribution/reference"}},
	"buildkit/registrytest":             {ours: []string{"buildkit/testkit"}, others: []string{"github.com/opencontainers/go-digest"}},

	"buildkit/buildertest":                {ours: []string{"buildkit/internal/filelock", "buildkit/testkit"}},
	"buildkit/acceptance":                 {},
	"buildkit/buildtest":                  {ours: []string{"buildkit", "buildkit/internal/docker", "buildkit/internal/docker/host", "buildkit/testkit"}},
	"buildkit/testkit":                    {ours: []string{"buildkit/internal/filelock"}, others: []string{"golang.org/x/tools/"}},
	"buildkit/internal/attendant":         {ours: []string{"buildkit/internal/embedded"}},
	"buildkit/internal/attendant/program": {},
	"buildkit/internal/sysroot":           {ours: []string{"buildkit/internal/holes", "buildkit/internal/fsx", "buildkit/internal/record"}},

	"buildkit/internal/watch": {others: []string{"github.com/fsnotify/fsnotify"}},

	"buildkit/internal/supervisor/report":  {},
	"buildkit/internal/supervisor/program": {ours: []string{"buildkit/internal/supervisor/report"}},
	"buildkit/internal/supervisor":         {ours: []string{"buildkit/internal/embedded"}},

	"buildkit/internal/dockerfile": {ours: []string{"rootfs/plaintext", "buildkit/internal/fsx"}},
	"buildkit/internal/sbom":       {others: []string{"github.com/spdx/tools-golang/", "github.com/CycloneDX/cyclonedx-go"}},
	"buildkit/internal/provenance": {ours: []string{"rootfs/plaintext"}},

	"buildkit": {ours: []string{"buildkit/config", "buildkit/internal/diskfull", "buildkit/internal/docker", "buildkit/internal/docker/kind", "buildkit/internal/filelock", "buildkit/internal/gobuild", "buildkit/internal/assemble", "buildkit/internal/builder", "buildkit/internal/cleaner", "buildkit/internal/compile", "buildkit/internal/describe", "buildkit/internal/dev", "buildkit/internal/dist", "buildkit/internal/dockerfilespec", "buildkit/internal/engines", "buildkit/internal/fsx", "buildkit/internal/libraries", "buildkit/internal/licences", "buildkit/internal/pack", "buildkit/internal/plan", "buildkit/internal/platform", "buildkit/internal/report", "buildkit/internal/resolve", "buildkit/internal/result", "buildkit/internal/run", "buildkit/internal/send", "buildkit/internal/state", "buildkit/internal/usercache", "buildkit/internal/registry", "rootfs", "rootfs/ldd"}, others: []string{"github.com/opencontainers/go-digest"}},

	"magefiles/bench":                          {},
	"magefiles/bench/loop":                     {ours: []string{"magefiles/bench/measure"}},
	"magefiles/dialogue":                       {ours: []string{"buildkit/config"}},
	"magefiles/targets":                        {ours: []string{"buildkit/config", "magefiles/dialogue", "rootfs/plaintext"}, others: []string{"github.com/magefile/mage/"}},
	"magefiles/fromscratch":                    {ours: []string{"buildkit", "magefiles/dialogue", "magefiles/fromscratch/internal/interrupt", "magefiles/fromscratch/internal/listing", "magefiles/fromscratch/internal/progress", "magefiles/fromscratch/internal/settings", "magefiles/fromscratch/internal/talk", "rootfs/plaintext"}},
	"magefiles/fromscratch/internal/settings":  {ours: []string{"buildkit", "rootfs/plaintext"}},
	"magefiles/fromscratch/internal/interrupt": {ours: []string{"magefiles/dialogue"}},
	"magefiles/fromscratch/internal/talk":      {ours: []string{"magefiles/dialogue"}},
	"magefiles/fromscratch/internal/listing":   {ours: []string{"buildkit", "rootfs/plaintext"}},
	"magefiles/fromscratch/internal/progress":  {ours: []string{"buildkit", "rootfs/plaintext"}, others: []string{"golang.org/x/term"}},

	"magefiles/testrun":       {},
	"magefiles/bench/tests":   {ours: []string{"magefiles/bench/measure", "magefiles/testrun"}},
	"magefiles/bench/digests": {ours: []string{"buildkit", "buildkit/config"}},
	"magefiles/bench/measure": {},
	"magefiles/bench/recipe":  {ours: []string{"magefiles/bench/measure"}, others: []string{"golang.org/x/mod/"}},
	"magefiles/bench/recipes": {ours: []string{"buildkit/buildertest", "magefiles/bench/measure", "magefiles/bench/recipe"}},
}

// The way of the data is one way: no room imports one that it must not know.
func TestImportDirection(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, ourModule+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], ourModule)
		room, ok := rooms[name]
		if !ok {
			t.Errorf("package %s is no room of the house", name)
			continue
		}
		seen++
		for _, imported := range fields[1:] {
			ours, isOurs := strings.CutPrefix(imported, ourModule)
			switch {
			case isOurs && !slices.Contains(room.ours, ours):
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

// public are the packages for other modules. All others may change with each version.
var public = []string{"magefiles/targets", "buildkit", "buildkit/config", "rootfs", "rootfs/ldd"}

// maxExported is how many names the public packages may export.
const maxExported = 200

// Each exported name is a promise: the public packages have few of them.
func TestPublicSurface(t *testing.T) {
	t.Parallel()
	var total int
	var counts []string
	for _, name := range public {
		var names []string
		for _, f := range parsed(t, name) {
			names = append(names, exported(f)...)
		}
		total += len(names)
		counts = append(counts, fmt.Sprintf("%s %d", name, len(names)))
	}
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
	"buildkit/internal/docker": {26, "an engine does many things, and its containers, loads and execs share one connection and its time limits"},
	"magefiles/bench/loop":     {29, "each way of building an image that is measured has a file; it is no part of the product"},
	"rootfs":                   {24, "each kind of file in an image has a file, and all fill the same Tree"},
	"rootfs/ldd":               {45, "each rule of two loaders has a file, and all change the state of the same process"},
}

// manyFields are the struct types with more than maxFields fields.
var manyFields = map[string]string{
	"buildkit/config.Config":                          "a field is a word that the user may write",
	"buildkit/internal/docker.BuilderRequest":         "a field is an option of a container, and most may be left out",
	"buildkit/internal/docker.DevRequest":             "a field is an option of a container, and most may be left out",
	"buildkit/internal/docker.RunRequest":             "a field is an option of a container, and most may be left out",
	"buildkit/internal/dockerfile.Spec":               "a field is a part of the Dockerfile",
	"buildkit/internal/gobuild.pkg":                   "the fields of the JSON that go list prints",
	"buildkit/internal/builder.Builder":               "a container that is started at the first use, with what it was lent",
	"buildkit/internal/plan.Facts":                    "a field is an input of the decisions",
	"buildkit/internal/plan.Image":                    "a field is a decided value; most rooms read a few of them",
	"buildkit/internal/state.Build":                   "a field is stored in a file that older versions have written too",
	"buildkit/internal/registry.PushRequest":          "a field is an option of a push, and most may be left out",
	"buildkit/internal/supervisor/program.supervisor": "the state of one process, which one goroutine changes",
	"buildkit/internal/watch.Watcher":                 "the state of one loop, and its channels",
	"rootfs.Spec":                                     "a field is a part of the image",
	"rootfs/ldd.Closure":                              "what a loader knows when the program is loaded",
	"rootfs/ldd.Object":                               "what a loader knows about a loaded file",
	"rootfs/ldd.process":                              "the state of a loader, as a rule may read all of it",
	"rootfs/ldd/elf/elftest.File":                     "a field is a part of a made ELF file, and most may be left out",
	"rootfs/plugins.row":                              "a field is a column of a table",
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
	paths, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(name), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
	if len(paths) == 0 {
		t.Fatalf("package %s has no files", name)
	}
	return paths
}
