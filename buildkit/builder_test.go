package buildkit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// builderPrefix begins the names of volumes of this test process, and is a label of its containers.
var builderPrefix = fmt.Sprintf("fromscratch-test-builder-%d", os.Getpid())

// builderCache is where these tests keep the files of builder images; TestMain removes it, and the volumes.
var builderCache = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", builderPrefix) })

// removeBuilderCaches removes what the tests share.
func removeBuilderCaches() error {
	dir, err := builderCache()
	if err != nil {
		return err
	}
	err = os.RemoveAll(dir)
	out, noEngine := exec.Command("docker", "volume", "ls", "-q", "--filter", "name="+builderPrefix+"-").Output()
	if noEngine != nil {
		return err // and no volumes
	}
	for _, name := range strings.Fields(string(out)) {
		if out, rmErr := exec.Command("docker", "volume", "rm", name).CombinedOutput(); rmErr != nil {
			err = errors.Join(err, fmt.Errorf("removing the volume %s of tests: %w: %s", name, rmErr, out))
		}
	}
	return err
}

// builders are the containers of one run, as a job has them.
func builders(t *testing.T) *buildkit.Builders {
	t.Helper()
	cache, err := builderCache()
	if err != nil {
		t.Fatal(err)
	}
	engine := openEngine(t)
	b := &buildkit.Builders{
		Engine: func(context.Context, buildkit.Platform) (*docker.Engine, error) { return engine, nil },
		Cache:  cache, Prefix: builderPrefix,
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
		noBuilderContainers(t)
	})
	return b
}

func openEngine(t *testing.T) *docker.Engine {
	t.Helper()
	engine, err := docker.Open(context.Background(), docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		missing(t, "a Docker Engine ("+err.Error()+")")
	}
	t.Cleanup(func() { engine.Close() })
	return engine
}

// noBuilderContainers checks that none is left.
func noBuilderContainers(t *testing.T) {
	t.Helper()
	// An engine removes one that has ended by itself a moment later.
	testkit.WaitFor(t, "no container to be left", func() bool { return builderContainers(t) == "" })
}

func builderContainers(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(output(t, ".", "docker", "ps", "-aq", "--filter", "label="+builderPrefix))
}

// runIn is one run of a target: it builds all images, which are given to use, and ends.
func runIn(ctx context.Context, b *buildkit.Builders, in buildkit.Inputs, use func(*buildkit.Result) error) error {
	in.Builders, in.Prepare = b, true
	if in.Environ == nil {
		in.Environ = os.Environ()
	}
	plans, err := buildkit.Resolve(ctx, in)
	if err != nil {
		return err
	}
	return buildkit.BuildEach(ctx, plans, in.Report, func(_ context.Context, b *buildkit.Result) error { return use(b) })
}

// mustRun builds the images of some Configs and returns their digests.
func mustRun(t *testing.T, b *buildkit.Builders, in buildkit.Inputs) []string {
	t.Helper()
	var digests []string
	var one sync.Mutex
	err := runIn(context.Background(), b, in, func(built *buildkit.Result) error {
		one.Lock()
		defer one.Unlock()
		digests = append(digests, built.Image.ConfigDigest.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return digests
}

const helloMain = `package main

import ("fmt"; "runtime")

func main() { fmt.Println("hello from", runtime.Version()) }
`

// helloModule makes a module with helloMain.
func helloModule(t *testing.T) string {
	t.Helper()
	return txtar(t, `
-- go.mod --
module example.com/hello

go 1.23
-- main.go --
`+helloMain)
}

// A static program compiled in a container, with the sources mounted and with copies, is the same, also from another
// folder and with another environment.
func TestBuilderStatic(t *testing.T) {
	image := buildertest.Image(t)
	t.Setenv("SSL_CERT_FILE", "") // or its certificates would be taken
	files := map[string]string{
		"go.mod": `module example.com/hello

go 1.23
`,
		"main.go": helloMain,
	}
	c := buildkit.Config{Build: config.Build{Container: image}, Repo: repo + "builder-static"}
	var first string
	for _, row := range []struct {
		name    string
		copied  bool
		environ []string
	}{
		{"mounted", false, nil},
		{"copied", true, nil},
		{"other environment", false, append(os.Environ(), "GOROOT=/nowhere", "GOCACHE=/nowhere", "GOFLAGS=", "CC=/nowhere/cc", "GOAMD64=v3", "CGO_ENABLED=1", "TZ=Asia/Tokyo")},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := builders(t)
			b.Copy = row.copied
			environ := row.environ
			for i, v := range environ {
				if v == "GOROOT=/nowhere" { // the go command of this machine still has to find itself
					environ[i] = "GOROOT=" + strings.TrimSpace(output(t, ".", "go", "env", "GOROOT"))
				}
			}
			got := mustRun(t, b, buildkit.Inputs{Dir: module(t, files), Environ: environ, Configs: []buildkit.Config{c}})
			if first == "" {
				first = got[0]
			}
			if got[0] != first {
				t.Errorf("the image is %s, and the first was %s", got[0], first)
			}
		})
	}
}

const sqliteMain = `package main

// #cgo LDFLAGS: -lsqlite3
// #include <sqlite3.h>
// #include <gnu/libc-version.h>
import "C"
import "fmt"

func main() { fmt.Println(C.GoString(C.gnu_get_libc_version()), C.sqlite3_libversion_number() > 0) }
`

// A cgo program has the libraries of the builder in its image, and runs: those of this release, and of an older one, whose
// C library opens others to look up names. So are the packages that are listed, and the texts of licences.
func TestHeavyBuilderCgo(t *testing.T) {
	builderCgo(t, "this", buildertest.Image(t), true, "", "pkg:deb/debian/libc6@")
}

// The same with the libraries of an older release.
func TestHeavyBuilderCgoOlder(t *testing.T) {
	builderCgo(t, "older", buildertest.Older(t), false, "2.31 true\n", "pkg:deb/debian/libc6@2.31-")
}

// builderCgo builds with the image, from copies of the sources or not. version is what the C library says of itself, ""
// if it is not known; pkg is the package that it comes from.
func builderCgo(t *testing.T, name, image string, copied bool, version, pkg string) {
	t.Helper()
	const copyright = "/usr/share/doc/libc6/copyright"
	resolver, err := os.ReadFile("testdata/resolver/main.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := module(t, map[string]string{
		"go.mod": `module example.com/lite

go 1.23
`,
		"main.go":          sqliteMain,
		"resolver/main.go": string(resolver),
	})
	b := builders(t)
	b.Copy = copied
	c := buildkit.Config{Main: ".", Build: config.Build{Container: image}, Repo: repo + "builder-" + name, Licenses: true}
	configs := []buildkit.Config{c}
	if version != "" {
		configs = append(configs, buildkit.Config{Main: "./resolver", Build: config.Build{Container: c.Build.Container, Cgo: "on", Tags: []string{"netcgo"}}, Repo: repo + "builder-names"})
	}
	libc := ""
	err = runIn(context.Background(), b, buildkit.Inputs{Dir: dir, Configs: configs}, func(built *buildkit.Result) error {
		if built.Plan.Name == "resolver" {
			return resolves(t, built)
		}
		libc = built.Plan.Dist().Rootfs()
		ref := load(t, built)
		if got := output(t, ".", "docker", "run", "--rm", ref); version != "" && got != version || !strings.HasSuffix(got, " true\n") {
			t.Errorf("the program says %q", got)
		}
		if bom := documents(t, built)["sbom.cdx.json"]; !bytes.Contains(bom, []byte(pkg)) {
			t.Errorf("there is no %s in\n%s", pkg, bom)
		}
		if ours, err := fs.ReadFile(built.Tree, copyright[1:]); err != nil || string(ours) != output(t, ".", "docker", "run", "--rm", c.Build.Container, "cat", copyright) {
			t.Errorf("%s is not the builder's (%v)", copyright, err)
		}
		if names, err := fs.Glob(built.Tree, "usr/share/doc/lite/licenses/go@*/LICENSE"); err != nil || len(names) != 1 {
			t.Errorf("the licences of Go are %q (%v)", names, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ours := sum(t, filepath.Join(libc, "lib/x86_64-linux-gnu/libc.so.6"))
	theirs := strings.Fields(output(t, ".", "docker", "run", "--rm", c.Build.Container, "sha256sum", "/lib/x86_64-linux-gnu/libc.so.6"))[0]
	if ours != theirs {
		t.Error("the image's libc is not the builder's")
	}
}

// resolves runs the program that looks up names, which the C library before glibc 2.34 has other libraries do.
func resolves(t *testing.T, built *buildkit.Result) error {
	t.Helper()
	if _, ok := built.Tree.Lookup("/lib/x86_64-linux-gnu/libnss_files.so.2"); !ok {
		t.Error("the image has no libnss_files.so.2")
	}
	if got, want := output(t, ".", "docker", "run", "--rm", load(t, built)), "localhost: true imap2: 143 user: nobody /data group: nobody\n"; got != want {
		t.Errorf("the program says %q, want %q", got, want)
	}
	return nil
}

func sum(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}

// Programs with a vendored module, with one that a folder outside replaces, and of a workspace with a module outside, all
// without a network.
func TestHeavyBuilderModules(t *testing.T) {
	const uses = `package main

import ("example.com/dep"; "example.com/near")

func main() { println(dep.Name, near.Name) }
`
	const asks = `package main

import "example.com/near"

func main() { println(near.Name) }
`
	root := module(t, map[string]string{
		"app/go.mod": `module example.com/app

go 1.23

require (
	example.com/dep v1.2.3
	example.com/near v0.0.0
)

replace example.com/near => ../near
`,
		"app/cmd/a/a.go": uses,
		"app/cmd/b/b.go": uses,
		"app/vendor/modules.txt": `# example.com/dep v1.2.3
## explicit; go 1.23
example.com/dep
# example.com/near v0.0.0 => ../near
## explicit; go 1.23
example.com/near
# example.com/near => ../near
`,
		"app/vendor/example.com/dep/dep.go": `package dep

const Name = "vendored"
`,
		"app/vendor/example.com/near/near.go": `package near

const Name = "copied"
`,
		"near/go.mod": `module example.com/near

go 1.23
`,
		"near/near.go": `package near

const Name = "near"
`,
		"replaced/go.mod": `module example.com/replaced

go 1.23

require example.com/near v0.0.0

replace example.com/near => ../near
`,
		"replaced/cmd/a/a.go": asks,
		"work/go.work": `go 1.23

use (
	./app
	../near
)
`,
		"work/app/go.mod": `module example.com/work

go 1.23
`,
		"work/app/cmd/a/a.go": asks,
	})
	image := buildertest.Image(t)
	for _, row := range []struct {
		name, dir, flags, says string
		copied                 bool
		mains                  []string
	}{
		{"vendored", "app", "-mod=vendor", "vendored copied", false, []string{"./cmd/a", "./cmd/b"}},
		{"replaced", "replaced", "-mod=mod", "near", false, []string{"./cmd/a"}},
		{"workspace", "work/app", "", "near", false, []string{"./cmd/a"}},
		{"replaced, copied", "replaced", "-mod=mod", "near", true, []string{"./cmd/a"}},
		{"workspace, copied", "work/app", "", "near", true, []string{"./cmd/a"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := buildkit.Inputs{Dir: filepath.Join(root, row.dir), Environ: append(os.Environ(), "GOFLAGS="+row.flags, "GOPROXY=off")}
			for _, main := range row.mains {
				in.Configs = append(in.Configs, buildkit.Config{Main: main, Build: config.Build{Container: image}, Repo: repo + "builder-" + filepath.Base(main)})
			}
			b := builders(t)
			b.Copy = row.copied
			err := runIn(context.Background(), b, in, func(built *buildkit.Result) error {
				out, err := exec.Command(built.Program.Path).CombinedOutput()
				if err != nil || strings.TrimSpace(string(out)) != row.says {
					t.Errorf("%s says %q, %v", built.Plan.Name, out, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What the compiler says is shown as it would be here; the container is gone.
func TestBuilderCompileError(t *testing.T) {
	dir := txtar(t, `
-- go.mod --
module example.com/bad

go 1.23
-- main.go --
package main

func main() { undefined() }
`)
	var said [2]string
	for i, builder := range []string{"", buildertest.Image(t)} {
		b := builders(t)
		c := buildkit.Config{Build: config.Build{Container: builder}, Repo: repo + "builder-bad"}
		err := runIn(context.Background(), b, buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{c}}, func(*buildkit.Result) error { return nil })
		var engine *buildkit.EngineError
		var config *buildkit.ConfigError
		if err == nil || errors.As(err, &engine) || errors.As(err, &config) {
			t.Fatalf("builder %q: %v", builder, err)
		}
		said[i] = err.Error()
	}
	if said[0] != said[1] || !strings.Contains(said[0], "main.go:3:15: undefined: undefined") {
		t.Errorf("here:\n%s\nin the builder:\n%s", said[0], said[1])
	}
}

// What is wrong with a Builder is told as what it is: a Config that cannot be meant, or an engine that does not do it.
func TestBuilderErrors(t *testing.T) {
	dir := txtar(t, `
-- go.mod --
module example.com/app

go 1.23
-- main.go --
package main

func main() {}
`)
	var wrong *buildkit.ConfigError
	var engine *buildkit.EngineError
	for _, row := range []struct {
		name string
		c    buildkit.Config
		none bool // no engine
		kind any
		says []string
	}{
		{"no engine", buildkit.Config{Build: config.Build{Container: "golang:1.26"}}, true, &engine, []string{`"golang:1.26"`, "needs a Docker Engine", "nobody answers"}},
		{"no such image", buildkit.Config{Build: config.Build{Container: "localhost:1/fromscratch-test/none:1"}}, false, &engine, []string{"localhost:1/fromscratch-test/none:1", "fix: ", "docker login"}},
		{"no reference", buildkit.Config{Build: config.Build{Container: "Not A Reference"}}, false, &engine, []string{"Not A Reference", "fix: "}},
		{"a binary", buildkit.Config{Build: config.Build{Container: "golang:1.26"}, Binary: "app"}, false, &wrong, []string{"Binary", "Build.Container"}},
		{"no go command", buildkit.Config{Build: config.Build{Container: withoutGo(t)}}, false, &wrong, []string{`no command "go"`, "fix: "}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := builders(t)
			if row.none {
				b.Engine = func(context.Context, buildkit.Platform) (*docker.Engine, error) {
					return nil, errors.New("nobody answers")
				}
			}
			err := runIn(context.Background(), b, buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{row.c}}, func(*buildkit.Result) error { return nil })
			if !errors.As(err, row.kind) {
				t.Fatalf("got %T: %v", err, err)
			}
			for _, want := range row.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
		})
	}
}

// withoutGo makes an image that has nothing.
func withoutGo(t *testing.T) string {
	t.Helper()
	openEngine(t)
	name := repo + "builder-nothing"
	archive := filepath.Join(t.TempDir(), "empty.tar")
	output(t, ".", "tar", "-cf", archive, "-T", "/dev/null")
	output(t, ".", "docker", "import", archive, name)
	t.Cleanup(func() { exec.Command("docker", "image", "rm", name).Run() })
	return name
}

// endless is a program whose compilation does not come to an end soon.
func endless() string {
	var s strings.Builder
	s.WriteString(`package main

var t map[string]func(int) int

func init() {
	t = map[string]func(int) int{
`)
	for i := range 30000 {
		fmt.Fprintf(&s, "\t\t\"k%d\": func(a int) int { return a*%d + t[\"x\"+string(rune(a))](%d) },\n", i, i, i)
	}
	return s.String() + `	}
}

func main() { println(len(t)) }
`
}

// Ctrl-C while the compiler runs ends it and leaves no container.
func TestBuilderInterrupted(t *testing.T) {
	dir := module(t, map[string]string{
		"go.mod": `module example.com/long

go 1.23
`,
		"main.go": endless(),
	})
	image := buildertest.Image(t)
	b := builders(t)
	ctx, stop := context.WithCancelCause(context.Background())
	pressed := errors.New("somebody pressed Ctrl-C")
	ended := make(chan error, 1)
	go func() {
		ended <- runIn(ctx, b, buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{{Build: config.Build{Container: image}, Repo: repo + "builder-long"}}},
			func(*buildkit.Result) error { return nil })
	}()
	compiling := func() bool {
		id := builderContainers(t)
		if id == "" {
			return false
		}
		out, err := exec.Command("docker", "top", id, "-o", "pid,args").Output()
		return err == nil && strings.Contains(string(out), "/compile ") && strings.Contains(string(out), "-p main ")
	}
	for !compiling() {
		select {
		case err := <-ended:
			t.Fatalf("it ended before it was interrupted: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	id := builderContainers(t)
	stop(pressed)
	if err := <-ended; !errors.Is(err, pressed) {
		t.Errorf("got %v", err)
	}
	if out, err := exec.Command("docker", "top", id, "-o", "pid,args").Output(); err == nil && strings.Contains(string(out), "/compile ") {
		t.Errorf("the compiler runs on:\n%s", out)
	}
	if err := b.Close(ctx); err != nil {
		t.Error(err)
	}
	noBuilderContainers(t)
}

// The builder of an image that IMAGE_NAME leaves out is not asked for.
func TestHeavyBuilderOfAnotherImage(t *testing.T) {
	dir := txtar(t, `
-- go.mod --
module example.com/other

go 1.23
-- a/main.go --
package main

func main() {}
-- b/main.go --
package main

func main() {}
`)
	mustRun(t, builders(t), buildkit.Inputs{Dir: dir, Environ: append(os.Environ(), "IMAGE_NAME=a"), Configs: []buildkit.Config{
		{Main: "./a", Repo: repo + "builder-other"}, {Main: "./b", Build: config.Build{Container: "localhost:1/fromscratch-test/none:1"}},
	}})
}

// A container that somebody else has removed is made again.
func TestHeavyBuilderContainerGone(t *testing.T) {
	dir := txtar(t, `
-- go.mod --
module example.com/gone

go 1.23
-- main.go --
package main

func main() {}
`)
	b := builders(t)
	in := buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{{Build: config.Build{Container: buildertest.Image(t)}, Repo: repo + "builder-gone"}}}
	mustRun(t, b, in)
	output(t, "", "docker", "rm", "-f", builderContainers(t))
	mustRun(t, b, in)
}

// Two runs at once, each with containers of its own, share the caches.
func TestHeavyBuilderTwoRuns(t *testing.T) {
	image := buildertest.Image(t)
	files := map[string]string{
		"go.mod": `module example.com/lite

go 1.23
`,
		"main.go": sqliteMain,
	}
	var wait sync.WaitGroup
	var digests [2][]string
	for i := range digests {
		b, dir := builders(t), module(t, files)
		wait.Add(1)
		go func() {
			defer wait.Done()
			err := runIn(context.Background(), b, buildkit.Inputs{Dir: dir, Configs: []buildkit.Config{{Build: config.Build{Container: image}, Repo: repo + "builder-two"}}},
				func(built *buildkit.Result) error {
					digests[i] = append(digests[i], built.Image.ConfigDigest.String())
					return nil
				})
			if err == nil {
				err = b.Close(context.Background())
			}
			if err != nil {
				t.Error(err)
			}
		}()
	}
	wait.Wait()
	if len(digests[0]) != 1 || !slices.Equal(digests[0], digests[1]) {
		t.Errorf("the images are %v", digests)
	}
}

// What private modules need is in the container for the go command and git, and nowhere else: neither in its settings,
// nor in an image that somebody makes of it.
func TestHeavyBuilderSecrets(t *testing.T) {
	const secret = "hunter2-fromscratch"
	home := module(t, map[string]string{
		".netrc":     "machine git.example login me password " + secret + "\n",
		".gitconfig": "[user]\n\tname = Somebody\n[url \"https://" + secret + "@git.example/\"]\n\tinsteadOf = https://git.example/\n",
	})
	dir := helloModule(t)
	image := buildertest.Image(t)
	environ := append(os.Environ(), "HOME="+home, "GOPATH="+strings.TrimSpace(output(t, ".", "go", "env", "GOPATH")),
		"GOCACHE="+strings.TrimSpace(output(t, ".", "go", "env", "GOCACHE")))
	b := builders(t)
	committed := repo + "builder-committed"
	t.Cleanup(func() { exec.Command("docker", "image", "rm", committed).Run() })
	in := buildkit.Inputs{Dir: dir, Environ: environ, Configs: []buildkit.Config{{Build: config.Build{Container: image}, Repo: repo + "builder-secret"}}}
	err := runIn(context.Background(), b, in, func(built *buildkit.Result) error {
		id := builderContainers(t)
		seen := output(t, ".", "docker", "exec", id, "cat", "/.fromscratch/home/.netrc", "/.fromscratch/home/.gitconfig")
		if strings.Count(seen, secret) != 2 || strings.Contains(seen, "Somebody") {
			t.Errorf("the container has %q", seen)
		}
		output(t, ".", "docker", "commit", id, committed)
		if text := output(t, ".", "docker", "inspect", id, committed); strings.Contains(text, secret) {
			t.Error("the secret is in the settings of the container or image")
		}
		archive := filepath.Join(t.TempDir(), "rootfs.tar")
		output(t, ".", "tar", "-cf", archive, "-C", built.Plan.Dist().Rootfs(), ".")
		if exec.Command("grep", "-q", secret, archive).Run() == nil {
			t.Error("the secret is in the image")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command("docker", "run", "--rm", "--entrypoint", "/bin/grep", committed, "-rl", secret, "/.fromscratch", "/root", "/etc", "/tmp", "/go").Output()
	if len(out) > 0 {
		t.Errorf("a commit of the container has the secret in %s", out)
	}
}

// An unchanged program in an unchanged builder is known without a container; when the builder's name stands for another
// image, it is compiled anew.
func TestHeavyBuilderMemory(t *testing.T) {
	name := repo + "builder-moving:1"
	t.Cleanup(func() { exec.Command("docker", "image", "rm", name).Run() })
	output(t, ".", "docker", "tag", buildertest.Image(t), name)
	dir := txtar(t, `
-- go.mod --
module example.com/lite

go 1.23
-- main.go --
`+sqliteMain)
	c := buildkit.Config{Build: config.Build{Container: name}, Repo: repo + "builder-memory"}
	b := builders(t)
	build := func(b *buildkit.Builders) string {
		t.Helper()
		digests := mustRun(t, b, inputs(dir, c))
		if err := b.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		return digests[0]
	}
	before := build(b)
	standing := func(b *buildkit.Builders) bool {
		in := inputs(dir, c)
		in.Builders = b
		return stands(t, in)
	}
	if !standing(builders(t)) || builderContainers(t) != "" {
		t.Error("the first build is not remembered")
	}
	// The code alone changes: the libraries are those from before.
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(strings.Replace(sqliteMain, "> 0", "> 1", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if standing(builders(t)) {
		t.Error("a change of the source is not seen")
	}
	second := build(builders(t))
	output(t, ".", "docker", "tag", buildertest.Older(t), name)
	moved := builders(t)
	if standing(moved) {
		t.Error("another image of the same name is not seen")
	}
	third := build(moved)
	if before == second || second == third {
		t.Errorf("the images are %v, %v, %v", before, second, third)
	}
}
