//go:build unix

package endtoend_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/magefiles/release"
)

// consoles says how each console block of the README, CONTRIBUTING.md, docs/ and the examples is run. Its commands are run one after the
// other in one folder, as they are printed. Where the page shows what a command prints, the command must print it.
//
// A new block needs a row here. If it cannot be run, the row says why: for all of it, or for a command.
var consoles = []console{
	{page: "README.md", has: "# once, in your module", in: newModule("first"), until: serving},
	{page: "README.md", has: "8080:8080 NAME", in: newModule("start"), until: serving},
	{page: "README.md", has: "imageExplain", in: sqlite},
	{page: "README.md", has: "examples/hello", in: repository, skip: map[string]string{"go tool mage test": "this test is one of them"}},
	{page: "CONTRIBUTING.md", skip: map[string]string{"": "CI runs them, and TestPage checks what errors writes"}},
	{page: "docs/cgo.md", in: someFile},
	{page: "docs/check.md", has: "has the same digest", in: copyOf("hello")},
	{page: "docs/check.md", has: "breaks the rule", skip: map[string]string{"": "it ends with an error; TestScripts/check_rules runs such"}},
	{page: "docs/check.md", has: "likely cause", skip: map[string]string{"": "it ends with an error; TestScripts/check_reproducible runs such"}},
	{page: "docs/configuration.md", in: sqlite},
	{page: "docs/containers.md", has: "docker build", skip: map[string]string{"": "the image is on a registry, and its packages are Debian's"}},
	{page: "docs/containers.md", has: "volume rm", skip: map[string]string{"": "other projects of this machine need the volumes"}},
	{page: "docs/deploy.md", has: "imageApply", skip: map[string]string{"": "it needs a cluster; TestImageApply runs it with another kubectl"}},
	{page: "docs/deploy.md", has: "imageResolve", in: withManifest},
	{page: "docs/dev.md", in: portOfItsOwn, until: map[string]string{"go tool mage imageDev": "speaking page"}},
	{page: "docs/get-started.md", has: "targets/init@latest", in: newModule("give")},
	{page: "docs/get-started.md", has: "go get", in: newModule("update")},
	{page: "docs/json.md", in: pushed, need: []string{"jq"}},
	{page: "docs/registries.md", in: pushed, skip: map[string]string{"docker login": "it asks for a password"}},
	{page: "examples/base/README.md", in: onBusybox, need: []string{"busybox"}},
	{page: "examples/container/README.md", in: inContainer},
	{page: "examples/files/README.md", in: copyOf("files", "web", "clock"), until: serving},
	{page: "examples/hello/README.md", in: copyOf("hello"), until: serving},
	{page: "examples/musl/README.md", in: copyOf("musl"), need: []string{"musl-gcc"}, skip: installs},
	{page: "examples/plain/README.md", in: copyOf("plain")},
	{page: "examples/service/README.md", in: inGit, need: []string{"git", "curl"}},
	{page: "examples/sqlite/README.md", in: visits, skip: installs},
	{page: "examples/thumbnails/README.md", in: withPhoto, skip: installs},
	{page: "examples/workspace/README.md", in: copyOf("workspace", "mail", "orders", "stock")},
}

var (
	// serving are the commands that end when they are interrupted, with what they print when they work.
	serving  = map[string]string{"docker run --rm -p": "listening on"}
	installs = map[string]string{"apt-get install": "tests install nothing; .ci/install does"}
)

// console is a row of consoles.
type console struct {
	page  string
	has   string // a text that no other console block of the page has
	in    func(*testing.T) place
	need  []string          // programs
	skip  map[string]string // beginnings of commands that are not run, and why; "" is each command
	until map[string]string // beginnings of commands that are interrupted once they have printed a text
}

// place is where the commands of a block are run.
type place struct {
	dir  string
	env  []string
	edit []string // pairs of texts: what is in the block, and what it is on this machine
}

// consoleBlock is a console block of a page.
type consoleBlock struct {
	page, text string
	commands   []consoleCommand
}

// consoleCommand is a command and the lines below it.
type consoleCommand struct {
	line   string
	prints []string
}

// find returns the beginning of the command that is a key of a row's map.
func (c consoleCommand) find(of map[string]string) (value string, found bool) {
	for begin, value := range of {
		if strings.HasPrefix(c.line, begin) {
			return value, true
		}
	}
	return "", false
}

func consoleBlocks(t *testing.T) (all []consoleBlock) {
	t.Helper()
	texts := pages(t)
	readmes, err := filepath.Glob(filepath.Join(root(t), "examples/*/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range readmes {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts["examples/"+filepath.Base(filepath.Dir(path))+"/README.md"] = string(text)
	}
	for page, text := range texts {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] == "console" {
				all = append(all, newConsoleBlock(t, page, m[2]))
			}
		}
	}
	return all
}

func newConsoleBlock(t *testing.T, page, text string) consoleBlock {
	t.Helper()
	b := consoleBlock{page: page, text: text}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			b.commands = append(b.commands, consoleCommand{line: command})
			continue
		}
		if len(b.commands) == 0 {
			t.Fatalf("%s: a console block begins with %q, and not with a command", page, line)
		}
		last := &b.commands[len(b.commands)-1]
		last.prints = append(last.prints, line)
	}
	return b
}

// Each console block has a row in consoles, and each row, with each text in it, is about a block.
func TestConsoleBlocksOfTheDocs(t *testing.T) {
	t.Parallel()
	blocks := consoleBlocks(t)
	rows := map[string]int{}
	for _, c := range consoles {
		var found []consoleBlock
		for _, b := range blocks {
			if b.page == c.page && strings.Contains(b.text, c.has) {
				found = append(found, b)
				rows[b.page+b.text]++
			}
		}
		if len(found) != 1 {
			t.Errorf("%s has %d console blocks with %q, want one\nfix: correct the row in consoles, or remove it", c.page, len(found), c.has)
			continue
		}
		for _, of := range []map[string]string{c.skip, c.until} {
			for begin := range of {
				if !strings.Contains("\n"+found[0].text, "\n$ "+begin) {
					t.Errorf("%s has no command that begins with %q\nfix: correct the row in consoles", c.page, begin)
				}
			}
		}
		if why := c.skip[""]; c.in == nil && why == "" {
			t.Errorf("%s: the row with %q says neither where its commands are run, nor why not", c.page, c.has)
		}
	}
	for _, b := range blocks {
		if rows[b.page+b.text] != 1 {
			t.Errorf("%s: %d rows of consoles are about this block, want one:\n%s", b.page, rows[b.page+b.text], b.text)
		}
	}
}

// What the pages print to be typed works, and prints what they show.
func TestHeavyConsoleBlocks(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	blocks := consoleBlocks(t)
	for _, c := range consoles {
		for _, b := range blocks {
			if b.page != c.page || !strings.Contains(b.text, c.has) || c.in == nil {
				continue
			}
			t.Run(strings.ReplaceAll(strings.TrimSpace(c.page+" "+c.has), "/", "-"), func(t *testing.T) {
				t.Parallel()
				testkit.Need(t, c.need...)
				c.run(t, b)
			})
		}
	}
}

// run runs the commands of a block.
func (c console) run(t *testing.T, b consoleBlock) {
	p := c.in(t)
	edit := strings.NewReplacer(p.edit...).Replace
	for _, command := range b.commands {
		if why, found := command.find(c.skip); found {
			t.Logf("not run: %s: %s", command.line, why)
			continue
		}
		cmd := commandIn(t, p, edit(command.line))
		if text, found := command.find(c.until); found {
			s := begin(t, cmd)
			s.says(text, 1)
			s.signal(syscall.SIGINT)
			s.wait()
			continue
		}
		r := runCommand(t, cmd).wantOK(t)
		if len(command.prints) > 0 {
			wantPrinted(t, edit(strings.Join(command.prints, "\n")), r)
		}
	}
}

// commandIn returns a command for the shell.
func commandIn(t *testing.T, p place, line string) *exec.Cmd {
	t.Helper()
	return command(t, p.dir, p.env, "sh", "-c", line)
}

// wantPrinted fails the test unless a command has printed what a page shows: its lines in this order. Other lines may be between
// them on stderr, and on stdout if the page says so with "…".
func wantPrinted(t *testing.T, shown string, r result) {
	t.Helper()
	lines := strings.Split(shown, "\n")
	shows := func(line string) bool {
		for _, want := range lines {
			if likeLine(want, line) {
				return true
			}
		}
		return false
	}
	for _, line := range printedLines(r.stdout) {
		if !strings.Contains("\n"+shown+"\n", "\n…\n") && !shows(line) {
			t.Errorf("stdout has a line that the page does not show: %s", line)
		}
	}
	printed := append(printedLines(r.stderr), printedLines(r.stdout)...)
	for _, want := range lines {
		if want == "…" {
			continue
		}
		for len(printed) > 0 && !likeLine(want, printed[0]) {
			printed = printed[1:]
		}
		if len(printed) == 0 {
			t.Errorf("the page shows a line that the command does not print, or not there:\n%s", want)
			return
		}
		printed = printed[1:]
	}
}

func printedLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

var (
	spaces   = regexp.MustCompile(`\s+`)
	engineAt = regexp.MustCompile(`(unix|tcp|ssh)://\S+`)
	sizes    = regexp.MustCompile(`[0-9.]+ (B|kB|MB|GB)\b`)
	digests  = regexp.MustCompile(`sha256:[0-9a-f]+…?|\bg?[0-9a-f]{7,64}\b`)
	numbers  = regexp.MustCompile(`[0-9]+(\.[0-9]+)*`)
)

// likeLine reports whether a printed line is the one that a page shows. Sizes, times, digests, versions and the engine may differ,
// and "…" is any text.
func likeLine(shown, printed string) bool {
	same := func(line string) string {
		line = spaces.ReplaceAllString(strings.TrimSpace(line), " ")
		line = engineAt.ReplaceAllString(line, "ENGINE")
		line = strings.ReplaceAll(line, "linux/"+runtime.GOARCH, "linux/amd64")
		line = sizes.ReplaceAllString(line, "SIZE")
		line = digests.ReplaceAllString(line, "ID")
		return numbers.ReplaceAllString(line, "N")
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(same(shown)), "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(same(printed))
}

// Lines are compared without what differs from run to run, and nothing else.
func TestLikeLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		shown, printed string
		want           bool
	}{
		{"hello  compile    linux/amd64, no cgo  (0.21s)", "hello  compile  linux/" + runtime.GOARCH + ", no cgo  (12.5s)", true},
		{"hello  image      23b584825b18, 2 layers, 6.6 MB  (0.01s)", "hello  image  0123456789ab, 2 layers, 911.9 kB  (0.01s)", true},
		{"r.example/hello:1.2@sha256:4c1f…", "r.example/hello:1.2@sha256:0123456789", true},
		{"…/dist/plain/image.tar", "/tmp/a/dist/plain/image.tar", true},
		{"hello:latest", "hello:other", false},
		{"needed by /sqlite (ld.so.cache)", "needed by /sqlite (RUNPATH)", false},
	} {
		if likeLine(tt.shown, tt.printed) != tt.want {
			t.Errorf("%q and %q: want %t", tt.shown, tt.printed, tt.want)
		}
	}
}

// proxied makes a version of both modules in a module proxy, and returns the variables for it. The worker of this version is compiled
// once, by the first command that needs it.
var proxied = sync.OnceValues(func() ([]string, error) {
	folder, err := testkit.Folder()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(folder, "proxy")
	if err != nil {
		return nil, err
	}
	proxy, err := release.NewProxy(context.Background(), "../..", filepath.Join(dir, "proxy"), "v0.0.1-pages")
	if err != nil {
		return nil, err
	}
	gocache, err := exec.Command("go", "env", "GOCACHE").Output()
	return append(proxy.Environ(filepath.Join(dir, "modules")), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "GOCACHE="+strings.TrimSpace(string(gocache))), err
})

// newModule makes the module of a new user, with the server of the hello example. The image has a name of its own.
func newModule(name string) func(*testing.T) place {
	name = "fromscratch-test-page-" + name
	return func(t *testing.T) place {
		env, err := proxied()
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := copyFile(filepath.Join(root(t), "examples/hello"), dir, "main.go"); err != nil {
			t.Fatal(err)
		}
		p := place{dir, append(env, "IMAGE_TAG="), []string{"hello", name, "NAME", name, "8080:8080", "127.0.0.1::8080"}}
		runCommand(t, commandIn(t, p, "go mod init example.com/"+name)).wantOK(t)
		removeImages(t, name+":latest")
		return p
	}
}

// copyOf makes a copy of an example, whose images have the tag of the tests.
func copyOf(name string, images ...string) func(*testing.T) place {
	return func(t *testing.T) place {
		p := place{dir: example(t, name)}
		for _, image := range append(images, name) {
			p.edit = append(p.edit, "8080:8080 "+image, "127.0.0.1::8080 "+image+":"+tag, image+":latest", image+":"+tag)
			removeImages(t, image+":"+tag)
		}
		return p
	}
}

// repository is a folder with the example that a clone has.
func repository(t *testing.T) place {
	dir := filepath.Dir(example(t, "hello"))
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "examples"), 0o755), os.Rename(filepath.Join(dir, "hello"), filepath.Join(dir, "examples/hello"))); err != nil {
		t.Fatal(err)
	}
	removeImages(t, "hello:"+tag)
	return place{dir: dir}
}

// someFile is a folder outside of any module, for a tool.
func someFile(t *testing.T) place {
	env, err := proxied()
	if err != nil {
		t.Fatal(err)
	}
	return place{t.TempDir(), env, []string{"FILE…", "/bin/ls"}}
}

// sqlite is the example whose plan and files the pages show, as Debian has them on amd64.
func sqlite(t *testing.T) place {
	testkit.NeedPackage(t, "sqlite3")
	if _, err := os.Stat("/lib/x86_64-linux-gnu/libsqlite3.so.0"); err != nil {
		testkit.Missing(t, "Debian's SQLite for amd64")
	}
	return place{dir: example(t, "sqlite"), env: []string{"IMAGE_TAG="}}
}

// visits is the same example, with a volume of its own.
func visits(t *testing.T) place {
	testkit.NeedPackage(t, "sqlite3")
	p := copyOf("sqlite")(t)
	const volume = "fromscratch-test-page-visits"
	t.Cleanup(func() { docker(t, "volume", "rm", "-f", volume) })
	p.edit = append(p.edit, "-v visits:/data sqlite", "-v "+volume+":/data sqlite:"+tag)
	return p
}

// pushed is the hello example with a registry.
func pushed(t *testing.T) place {
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	return place{example(t, "hello"), []string{"IMAGE_REPO=" + host + "/acme/hello", "IMAGE_TAG=1.2"}, []string{"registry.example", host}}
}

// withManifest is pushed, with a manifest.
func withManifest(t *testing.T) place {
	p := pushed(t)
	text := "      containers:\n        - name: hello\n          image: fromscratch://hello\n"
	if err := errors.Join(os.Mkdir(filepath.Join(p.dir, "k8s"), 0o755), os.WriteFile(filepath.Join(p.dir, "k8s/hello.yaml"), []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	return p
}

// portOfItsOwn is the hello example with a port that nothing else uses.
func portOfItsOwn(t *testing.T) place {
	removeImages(t, "hello:"+tag)
	return place{dir: project(t, map[string]string{"main.go": speaker("page"), "magefile.go": magefileWith(published(t))})}
}

// onBusybox is the example with a base, which is made here.
func onBusybox(t *testing.T) place {
	p := copyOf("base")(t)
	p.env = []string{"EXAMPLE_BASE=" + busyboxImage(t)}
	return p
}

// inContainer is the example that is compiled in a container.
func inContainer(t *testing.T) place {
	p := copyOf("container")(t)
	p.env = []string{"EXAMPLE_CONTAINER=" + buildertest.Image(t)}
	return p
}

// inGit is the example with a version, four commits after a tag.
func inGit(t *testing.T) place {
	p := copyOf("service")(t)
	const git = "git -c user.name=a -c user.email=a@example.com "
	p.env = []string{"GIT_CONFIG_GLOBAL=/dev/null"}
	runCommand(t, commandIn(t, p, "git init -q && git add . && "+git+"commit -q -m one && git tag v1.2.3 && for i in 1 2 3 4; do "+git+"commit -q --allow-empty -m $i; done")).wantOK(t)
	const name = "fromscratch-test-page-service"
	port := strconv.Itoa(freePort(t))
	t.Cleanup(func() { docker(t, "rm", "-f", name) })
	p.edit = append(p.edit, "--name service -p 8080:8080", "--name "+name+" -p 127.0.0.1:"+port+":8080",
		"curl localhost:8080", "curl -sS --retry 60 --retry-delay 1 --retry-all-errors 127.0.0.1:"+port) // it may not serve yet
	return p
}

// withPhoto is the example that makes thumbnails, with a photo.
func withPhoto(t *testing.T) place {
	testkit.NeedPackage(t, "vips")
	p := copyOf("thumbnails")(t)
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 400, 300)), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "photo.jpg"), photo.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	p.edit = append(p.edit, "-i thumbnails", "-i thumbnails:"+tag)
	return p
}
