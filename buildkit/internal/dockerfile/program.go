package dockerfile

import (
	"path"
	"slices"
	"strings"
)

// The caches of the go command. Only BuildKit keeps them between builds. Each is a separate word, so that it can be
// removed.
const (
	moduleCache = "--mount=type=cache,target=/go/pkg/mod "
	buildCache  = "--mount=type=cache,target=/root/.cache/go-build "
	credentials = "--mount=type=secret,id=netrc,target=/root/.netrc "
)

// program writes the stage that compiles.
func (t *text) program() {
	p := t.Program
	t.line("\n")
	if p.Built != "" {
		t.say("The program, which was built before.")
		t.from(programStage)
		t.line("COPY %s", arguments(p.Built, t.built()))
		t.line("RUN chmod 0755 %s", Shell(t.built()))
		t.capabilities()
		return
	}
	t.say("The program.")
	t.from(programStage)
	t.line("WORKDIR /src")
	if p.Vendor != "" || t.downloads() || !slices.Equal(p.Sources, []string{"."}) {
		t.modules()
	}
	t.sources()
	t.compile()
	t.capabilities()
}

// built returns the path of the program in the stage that compiles: its path in the image, below out.
func (t *text) built() string { return path.Join(out, t.Program.Path) }

// capabilities gives the program's file its capabilities.
func (t *text) capabilities() {
	if t.Capabilities != "" {
		t.line("RUN setcap %s", Words(t.Capabilities, t.built()))
	}
}

// downloads reports whether the program needs modules from elsewhere.
func (t *text) downloads() bool { return len(t.Program.Download) > 0 || t.Program.DownloadAll }

// modules copies the module files before the sources, so that the modules stay cached when sources change.
func (t *text) modules() {
	p := t.Program
	for _, dir := range foldersOf(p.ModuleFiles) {
		var names []string
		for _, f := range p.ModuleFiles {
			if path.Dir(f) == dir {
				names = append(names, f)
			}
		}
		t.line("COPY %s", arguments(append(names, folder(dir))...))
	}
	if p.Vendor != "" {
		t.line("COPY %s", arguments(p.Vendor, folder(p.Vendor)))
	}
	if !t.downloads() {
		return
	}
	t.line("")
	t.line("ARG GOPROXY")
	if p.Private != "" {
		t.line("ARG GOPRIVATE=%s", value(p.Private))
		t.say("Credentials for private modules: docker build --secret id=netrc,src=$HOME/.netrc")
	}
	if !p.DownloadAll {
		t.say("Only the modules that the program needs, without the tools of go.mod.")
	}
	t.line("RUN %s%s%sgo mod download%s", moduleCache, t.credentials(), t.inModule(), more(p.Download))
}

// sources copies the sources that the ignore file allows.
func (t *text) sources() {
	if t.downloads() {
		t.line("")
	}
	for _, s := range t.Program.Sources {
		if s == "." {
			t.line("COPY . .")
			continue
		}
		t.line("COPY %s", arguments(s, s))
	}
}

// compile writes the go command.
func (t *text) compile() {
	p := t.Program
	env := slices.Clone(p.Env)
	if t.Platform == "" {
		t.line("ARG TARGETARCH")
		t.line("ARG TARGETVARIANT")
	}
	line := "RUN " + moduleCache + buildCache + t.credentials() + "\\\n    " + t.inModule()
	if len(env) > 0 {
		line += assignments(env) + " "
	}
	if t.Platform == "" {
		line += "GOOS=linux GOARCH=$TARGETARCH "
		if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "GOARM=") || strings.HasPrefix(kv, "GOAMD64=") }) {
			line += "GOARM=${TARGETVARIANT#v} "
		}
	}
	args := append(slices.Clone(p.Args), "-o", t.built(), p.Package)
	t.line("%s\\\n    go %s", line, Words(args...))
}

// credentials returns the mount of a secret if modules are private. A build without the secret skips it.
func (t *text) credentials() string {
	if t.Program.Private != "" {
		return credentials
	}
	return ""
}

// inModule returns the cd to the module if the module is below the context.
func (t *text) inModule() string {
	if t.Program.Dir == "." || t.Program.Dir == "" {
		return ""
	}
	return "cd " + Shell(t.Program.Dir) + " && "
}

// assignments returns variables as words before a shell command.
func assignments(env []string) string {
	var words []string
	for _, kv := range env {
		name, v, _ := strings.Cut(kv, "=")
		if v != "" {
			v = Shell(v)
		}
		words = append(words, name+"="+v)
	}
	return strings.Join(words, " ")
}

// more returns further words of a command: on its line, or on their own lines if there are many.
func more(words []string) string {
	if len(words) < 2 {
		return strings.TrimRight(" "+Words(words...), " ")
	}
	var b strings.Builder
	for _, w := range words {
		b.WriteString(" \\\n    " + Shell(w))
	}
	return b.String()
}

// foldersOf returns the folders of files, each once, in order.
func foldersOf(files []string) []string {
	var dirs []string
	for _, f := range files {
		if dir := path.Dir(f); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// folder returns a folder as the target of COPY.
func folder(dir string) string {
	if dir == "." {
		return "./"
	}
	return strings.TrimSuffix(dir, "/") + "/"
}
