package dockerfile

import (
	"path"
	"slices"
	"strings"
)

// The caches of the go command, kept between builds by BuildKit alone. They are words of their own, so that they can
// be taken out.
const (
	moduleCache = "--mount=type=cache,target=/go/pkg/mod "
	buildCache  = "--mount=type=cache,target=/root/.cache/go-build "
	credentials = "--mount=type=secret,id=netrc,target=/root/.netrc "
)

// program compiles.
func (t *text) program() {
	p := t.Program
	t.line("\n")
	if p.Built != "" {
		t.say("The program, which is built elsewhere.")
		t.from(programStage)
		t.line("COPY %s", arguments(p.Built, path.Join(out, t.Name)))
		t.line("RUN chmod 0755 %s", Shell(path.Join(out, t.Name)))
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
}

// downloads says whether the program needs modules of others.
func (t *text) downloads() bool { return len(t.Program.Download) > 0 || t.Program.DownloadAll }

// modules takes what changes rarely first: with it the modules stay, while the sources change.
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
		t.say("Of go.mod only what the program needs: tools and their modules are not for the image.")
	}
	t.line("RUN %s%s%sgo mod download%s", moduleCache, t.credentials(), t.inModule(), more(p.Download))
}

// sources are copied, those that the ignore file lets through.
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

// compile is the go command.
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
	args := append(slices.Clone(p.Args), "-o", path.Join(out, t.Name), p.Package)
	t.line("%s\\\n    go %s", line, Words(args...))
}

// credentials is the mount of a secret, where modules are private. A build without the secret has none.
func (t *text) credentials() string {
	if t.Program.Private != "" {
		return credentials
	}
	return ""
}

// inModule goes to the module, where the context is more than that.
func (t *text) inModule() string {
	if t.Program.Dir == "." || t.Program.Dir == "" {
		return ""
	}
	return "cd " + Shell(t.Program.Dir) + " && "
}

// assignments are variables for a command of the shell.
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

// more are further words of a command: on its line, or on lines of their own when there are many.
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

// foldersOf are the folders of files, each once, in their order.
func foldersOf(files []string) []string {
	var dirs []string
	for _, f := range files {
		if dir := path.Dir(f); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// folder is a folder as the target of COPY.
func folder(dir string) string {
	if dir == "." {
		return "./"
	}
	return dir + "/"
}
