package gobuild

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// Sources are the files that a program is compiled from and that may change: packages of the main module, of
// workspaces and of modules that a folder replaces. Modules in the module cache do not change. All paths are absolute.
type Sources struct {
	// Folders are the folders of packages. A new file in them matters too: file names and build constraints decide
	// which files a package has.
	Folders []string
	// Trees are files, and folders with everything below them: embedded files, https://pkg.go.dev/embed, and paths
	// in the flags of cgo.
	Trees []string
	// Cgo are folders whose own files matter, but not the folders below: those of packages that use cgo, and those in
	// the flags of cgo that contain a whole module. The go command ignores the folders below too. A copy of the
	// program's sources needs them, because a file may include files there.
	Cgo []string
	// Headers are the paths of Trees and Cgo that come from the flags of cgo, without the packages' own folders. The go
	// command does not notice changes there.
	Headers []string
	// Files are the files of modules, of the toolchain, and of its configuration. Some may not exist.
	Files []string
	// Library are the files of the standard library. They are many, and the same for many programs.
	Library []string `json:"-"`
	// Module is the folder of the main module or of the workspace. If the programs were found without patterns, a new
	// one may appear in any folder below it.
	Module string
	// Doubt, if set, says why this list may be incomplete.
	Doubt string
}

// sources collects the sources of a main.
func (s *selection) sources(gr *graph, main *pkg) Sources {
	src := Sources{Module: filepath.Dir(s.vars["GOMOD"]), Doubt: s.doubt()}
	if s.vars["GOWORK"] != "" && s.vars["GOWORK"] != "off" {
		src.Module = filepath.Dir(s.vars["GOWORK"])
	}
	order, _ := gr.closure(main)
	packaged := false // some package uses pkg-config
	for _, p := range order {
		packaged = packaged || len(p.CgoPkgConfig) > 0
		if !p.Standard && len(p.CgoFiles) > 0 {
			s.addCgo(&src, p)
		}
		if p.Standard || p.Dir == "" || below(p.Dir, s.vars["GOMODCACHE"]) {
			continue
		}
		src.Folders = append(src.Folders, p.Dir)
		for _, pattern := range p.EmbedPatterns {
			src.Trees = append(src.Trees, embedTree(p.Dir, pattern))
		}
		if p.Module != nil && p.Module.GoMod != "" {
			src.addModule(p.Module.GoMod)
			src.Files = append(src.Files, between(p.Dir, filepath.Dir(p.Module.GoMod))...)
		}
	}
	src.addModule(s.vars["GOMOD"])
	src.addWorkspace(s.vars["GOWORK"])
	if s.g.Runner == nil { // with a Runner, the caller tracks the commands
		src.Files = append(src.Files, s.toolchain()...)
		src.Library = s.library(order)
		if packaged {
			src.Files = append(src.Files, s.pkgConfig()...)
		}
	}
	if s.g.Runner != nil {
		src.keepWithin(s.g.Dir, s.g.Env)
	}
	src.Folders, src.Trees, src.Cgo, src.Files, src.Headers = sorted(src.Folders), sorted(src.Trees), sorted(src.Cgo), sorted(src.Files), sorted(src.Headers)
	return src
}

// keepWithin leaves out paths outside the folders that a Runner shares with this machine. Other paths are not on this machine,
// and a hostile go command could name any.
func (src *Sources) keepWithin(dir string, env []string) {
	folders, err := SourceFolders(dir, env)
	if err != nil {
		folders = nil // leave out all paths
	}
	outside := func(path string) bool {
		return !slices.ContainsFunc(folders, func(folder string) bool { return below(path, folder) })
	}
	for _, list := range []*[]string{&src.Folders, &src.Trees, &src.Cgo, &src.Files, &src.Headers} {
		*list = slices.DeleteFunc(*list, outside)
	}
	if outside(src.Module) {
		src.Module = dir
	}
}

// between returns the go.mod files that would take a package out of its module, if they existed.
func between(dir, module string) []string {
	var files []string
	for ; dir != module && below(dir, module); dir = filepath.Dir(dir) {
		files = append(files, filepath.Join(dir, "go.mod"))
	}
	return files
}

// doubt returns the value of Sources.Doubt: it names a flag that makes the go command read unknown files, or work without
// need.
func (s *selection) doubt() string {
	words := slices.Concat(s.goflags, s.opts.Flags)
	for _, name := range []string{"a", "overlay", "modfile", "toolexec", "pgo", "buildvcs", "exec"} {
		switch value := flagValue(words, name); {
		case value == "", value == "false", name == "pgo" && (value == "off" || value == "auto"):
		default:
			return "the go command runs with -" + name
		}
	}
	return ""
}

// toolchain returns the files that change with another go command or C compiler.
func (s *selection) toolchain() []string {
	root := s.vars["GOROOT"]
	files := []string{filepath.Join(root, "VERSION"), filepath.Join(root, "go.env"), filepath.Join(root, "bin", "go"), s.vars["GOENV"]}
	for _, tool := range []string{"compile", "link", "asm", "cgo"} {
		files = append(files, filepath.Join(root, "pkg", "tool", s.vars["GOHOSTOS"]+"_"+s.vars["GOHOSTARCH"], tool))
	}
	for _, command := range []string{s.g.Command, "go", s.vars["CC"], s.vars["CXX"]} {
		files = append(files, s.tools(command)...)
	}
	return files
}

// library returns the files of the standard library that a program is compiled from, sorted: somebody may edit them in
// place. It is empty for a toolchain in the module cache, which does not change.
func (s *selection) library(order []*pkg) []string {
	if below(s.vars["GOROOT"], s.vars["GOMODCACHE"]) {
		return nil
	}
	var files []string
	for _, p := range order {
		if !p.Standard {
			continue
		}
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.CFiles, p.SFiles, p.HFiles, p.SysoFiles, p.EmbedFiles) {
			files = append(files, filepath.Join(p.Dir, name))
		}
	}
	return sorted(files)
}

// tools returns all places of a command, and of commands among its words: "ccache gcc" has two. A command may be in each
// folder of PATH. One that appears in an earlier folder replaces it, and a link to ccache with the name of a compiler
// looks for the real one in later folders, see ccache(1).
func (s *selection) tools(command string) []string {
	var places []string
	for i, word := range split(command) {
		if i > 0 && strings.HasPrefix(word, "-") {
			continue // an option
		}
		found, err := lookPath(s.env, word)
		switch {
		case err == nil:
			places = append(places, found)
		case i == 0:
			found = word // it may appear later
		default:
			continue
		}
		if filepath.Base(word) != word {
			continue
		}
		for _, dir := range filepath.SplitList(getenv(s.env, "PATH")) {
			if filepath.IsAbs(dir) {
				places = append(places, filepath.Join(dir, filepath.Base(found)))
			}
		}
	}
	return places
}

// addModule adds a go.mod, its go.sum and vendor/modules.txt, and the modules that it replaces by folders.
func (src *Sources) addModule(gomod string) {
	if gomod == "" || gomod == os.DevNull || slices.Contains(src.Files, gomod) {
		return
	}
	dir := filepath.Dir(gomod)
	src.Files = append(src.Files, gomod, filepath.Join(dir, "go.sum"), filepath.Join(dir, "vendor", "modules.txt"))
	for _, local := range localPaths(gomod) {
		src.Files = append(src.Files, filepath.Join(local, "go.mod"))
	}
}

// addWorkspace adds a go.work, its sums, and the modules that it uses.
func (src *Sources) addWorkspace(gowork string) {
	if gowork == "" || gowork == "off" {
		return
	}
	src.Files = append(src.Files, gowork, gowork+".sum")
	for _, local := range localPaths(gowork) {
		src.addModule(filepath.Join(local, "go.mod"))
	}
}

// localPaths returns the folders by which a go.mod or go.work replaces modules, and those that a go.work uses
// (https://go.dev/ref/mod#go-mod-file-replace, https://go.dev/ref/mod#go-work-file-use).
func localPaths(name string) []string {
	file, err := parseModFile(name)
	if err != nil {
		return nil // the caller has added the file to the sources, and the go command reports the error
	}
	var paths []string
	add := func(directive string, words []string) {
		arrow := slices.Index(words, "=>")
		replaced := directive == "replace" && arrow >= 0 && arrow+2 == len(words) // else a version follows
		if !replaced && (directive != "use" || len(words) != 1) {
			return
		}
		dir := filepath.FromSlash(unquote(words[len(words)-1]))
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(name), dir)
		}
		paths = append(paths, dir)
	}
	for _, stmt := range file.Syntax.Stmt {
		switch stmt := stmt.(type) {
		case *modfile.Line:
			add(stmt.Token[0], stmt.Token[1:])
		case *modfile.LineBlock:
			for _, line := range stmt.Line {
				add(stmt.Token[0], line.Token)
			}
		}
	}
	return paths
}

func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

// embedTree returns the folder or file above everything that a pattern can match: its elements before the first with a
// wildcard.
func embedTree(dir, pattern string) string {
	pattern = strings.TrimPrefix(unquote(pattern), "all:")
	var fixed []string
	for _, elem := range strings.Split(path.Clean(pattern), "/") {
		if strings.ContainsAny(elem, `*?[\`) {
			break
		}
		fixed = append(fixed, elem)
	}
	return filepath.Join(dir, filepath.FromSlash(path.Join(fixed...)))
}

// pkgConfig returns the files that decide what pkg-config answers: the command, and the .pc files in its folders, see
// pkg-config(1). If it does not name its default folders, only those of the environment count.
func (s *selection) pkgConfig() []string {
	command := getenv(s.env, "PKG_CONFIG")
	if command == "" {
		// A cross compiler has its own pkg-config. A missing compiler is reported later.
		if cc, err := s.compiler(s.ctx); err == nil {
			command = cc.PkgConfig
		}
	}
	command = cmp.Or(command, "pkg-config")
	files := s.tools(command)
	dirs := getenv(s.env, "PKG_CONFIG_PATH") + string(os.PathListSeparator) + getenv(s.env, "PKG_CONFIG_LIBDIR")
	if getenv(s.env, "PKG_CONFIG_LIBDIR") == "" {
		dirs += string(os.PathListSeparator) + s.ask(s.ctx, command, "--variable=pc_path", "pkg-config")
	}
	for _, dir := range filepath.SplitList(dirs) {
		if dir == "" {
			continue
		}
		files = append(files, dir) // a .pc file may appear in it
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // a missing folder is a source too: it may appear
		}
		for _, e := range entries {
			if filepath.Ext(e.Name()) == ".pc" {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	return files
}

// below reports whether a folder is inside another one, or the same.
func below(dir, parent string) bool {
	if parent == "" {
		return false
	}
	rel, err := filepath.Rel(parent, dir)
	return err == nil && filepath.IsLocal(rel)
}

// sorted sorts a list, and leaves out empty and repeated elements.
func sorted(list []string) []string {
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}
