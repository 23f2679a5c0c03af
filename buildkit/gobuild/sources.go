package gobuild

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Sources are what a program is compiled from, as far as it may change: packages of the main module, of
// workspaces and of modules that a folder replaces. Modules in the module cache do not change. All paths are absolute.
type Sources struct {
	// Folders are those of packages. The names in them count, and so does each file: which files a package
	// has is decided by their names and by what they say.
	Folders []string
	// Trees are folders with all below them, and files: what is embedded, https://pkg.go.dev/embed, and what the
	// flags of cgo name.
	Trees []string
	// Cgo are folders of which the files count, but not what is below: those of packages that use cgo, and those
	// that its flags name and that a module lies in, with its repository and all. The go command does not look
	// below either; a copy of the program's sources needs it, because a file may include what is there.
	Cgo []string
	// Headers are those of Trees and Cgo that the flags of cgo name, without the packages' own folders: the go command
	// does not see a change there.
	Headers []string
	// Files are those of modules, of the toolchain, and of its configuration; some of them need not exist.
	Files []string
	// Library are the files of the standard library. They are many, and the same for many programs.
	Library []string `json:"-"`
	// Module is the folder of the main module, or of the workspace. Where the programs were not named, a new
	// one may appear in any folder below it.
	Module string
	// Doubt says why more may count than can be told here; "" is that nothing does.
	Doubt string
}

// sources collects the sources of a main.
func (s *selection) sources(gr *graph, main *pkg) Sources {
	src := Sources{Module: filepath.Dir(s.vars["GOMOD"]), Doubt: s.doubt()}
	if s.vars["GOWORK"] != "" && s.vars["GOWORK"] != "off" {
		src.Module = filepath.Dir(s.vars["GOWORK"])
	}
	order, _ := gr.closure(main)
	packaged := false // some package asks pkg-config
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
	if s.g.Runner == nil { // else the caller knows what the commands are there
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

// keepWithin leaves out what is not in the folders that a go command elsewhere can see of this machine: it may say anything,
// and all other paths are there and not here.
func (src *Sources) keepWithin(dir string, env []string) {
	folders, err := SourceFolders(dir, env)
	if err != nil {
		folders = nil // no path of it is known here
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

// between are the go.mod files that would take a package out of its module.
func between(dir, module string) []string {
	var files []string
	for ; dir != module && below(dir, module); dir = filepath.Dir(dir) {
		files = append(files, filepath.Join(dir, "go.mod"))
	}
	return files
}

// doubt says which flag makes the go command read what nobody tells, or do what it has done before.
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

// toolchain are the files by which another go command or C compiler is seen.
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

// library are the files of the standard library that a program is compiled from, sorted: somebody may edit them in place.
// A toolchain in the module cache does not change.
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

// tools are the places of a command, and of the commands among its words: "ccache gcc" is two. Each folder of PATH is
// such a place, up to the command and beyond: one that appears earlier is taken, and a link to ccache by the name of a
// compiler looks for the real one behind itself, see ccache(1).
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
			found = word // where it is going to appear
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

// addModule adds a go.mod, its go.sum and vendor folder, and the modules that it replaces by folders.
func (src *Sources) addModule(gomod string) {
	if gomod == "" || gomod == os.DevNull || slices.Contains(src.Files, gomod) {
		return
	}
	dir := filepath.Dir(gomod)
	src.Files = append(src.Files, gomod, filepath.Join(dir, "go.sum"), filepath.Join(dir, "vendor", "modules.txt"))
	for _, local := range localPaths(gomod, "=>") {
		src.Files = append(src.Files, filepath.Join(local, "go.mod"))
	}
}

// addWorkspace adds a go.work, its sums, and the modules that it uses.
func (src *Sources) addWorkspace(gowork string) {
	if gowork == "" || gowork == "off" {
		return
	}
	src.Files = append(src.Files, gowork, gowork+".sum")
	for _, local := range localPaths(gowork, "") {
		src.addModule(filepath.Join(local, "go.mod"))
	}
}

// localPaths are the folders that the lines of a go.mod or go.work name behind a word: such a path begins
// with "./", "../" or "/" (https://go.dev/ref/mod#go-mod-file-replace).
func localPaths(file, behind string) []string {
	content, err := readModFile(file)
	if err != nil {
		return nil // it is a source all the same, as one that cannot be read
	}
	var paths []string
	for _, line := range strings.Split(string(content), "\n") {
		line, _, _ = strings.Cut(line, "//")
		if _, rest, ok := strings.Cut(line, behind); ok {
			line = rest
		} else {
			continue
		}
		for _, word := range strings.Fields(line) {
			word = filepath.FromSlash(unquote(word))
			switch {
			case filepath.IsAbs(word):
				paths = append(paths, word)
			case strings.HasPrefix(word, "."):
				paths = append(paths, filepath.Join(filepath.Dir(file), word))
			}
		}
	}
	return paths
}

// embedTree is the folder above all that a pattern can match: the elements before the first that is none by
// itself. A file is such a tree too.
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

// pkgConfig are the files that decide what pkg-config answers: the command, and the descriptions in the folders in
// which it looks, see pkg-config(1). Without an answer of its own those are the ones of the environment.
func (s *selection) pkgConfig() []string {
	command := getenv(s.env, "PKG_CONFIG")
	if command == "" {
		// That of a cross compiler has another name. Without a compiler there is an error later, with the reason.
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
		files = append(files, dir) // a description may appear in it
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // it is a source all the same, as a place where nothing is
		}
		for _, e := range entries {
			if filepath.Ext(e.Name()) == ".pc" {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	return files
}

// below tells whether a folder lies in another one.
func below(dir, parent string) bool {
	if parent == "" {
		return false
	}
	rel, err := filepath.Rel(parent, dir)
	return err == nil && filepath.IsLocal(rel)
}

// sorted sorts, and leaves out what is empty or there twice.
func sorted(list []string) []string {
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}
