package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildtest"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// Programs without any configuration do their job in an image: Main is all that a Config says. Each file of testdata/zero is a program.
// Lines of its head, besides comments, are
//
//	require MODULE VERSION   of the proxy; any number
//	main PATH                a program of these modules; without it the files of the archive are the program
//	tags TAG…                that the program is compiled with
//	pkg NAME                 of pkg-config, that has to be installed; any number
//	file PATTERN             likewise, a file
//	docker WORD…             options of docker run
//	run WORD…                arguments of the program
//	arg TEXT                 one more argument, with its spaces
//	get PORT PATH            a request to the program, instead of waiting for its end
//	login USER:PASSWORD      of the request
//	want REGEXP              of the output, or of the answer; if that is a picture, of the text that tesseract reads in it
//	slow                     it compiles for minutes, and is left out unless FROMSCRATCH_TEST_SLOW is set
//	warned TEXT              the image cannot do the job without a configuration, and a warning with this text says so
//
// A file named stdin is the program's input, and one named body that of a request by POST. Files below module/ are added to the first
// module, which lacks in the proxy what its own build makes.
//
// If FROMSCRATCH_ZERO names a file, the results go there as a table.
func TestHeavyZeroConfiguration(t *testing.T) {
	testkit.NeedEngine(t)
	names, err := filepath.Glob("testdata/zero/*.txtar")
	if err != nil || len(names) < 40 {
		t.Fatalf("%d programs (%v)", len(names), err)
	}
	results := &zeroResults{}
	t.Run("programs", func(t *testing.T) {
		for _, name := range names {
			p := readZero(t, name)
			if p.slow && os.Getenv("FROMSCRATCH_TEST_SLOW") == "" {
				continue
			}
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				p.test(t, results)
			})
		}
	})
	results.write(t)
}

// zeroProgram is a file of testdata/zero.
type zeroProgram struct {
	name              string
	requires, pkgs    []string
	files, tags       []string
	main              string
	docker, run       []string
	port, path, login string
	warned            string
	slow              bool
	want              *regexp.Regexp
	archive           *txtar.Archive
}

func readZero(t *testing.T, file string) zeroProgram {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := zeroProgram{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), archive: a}
	for _, line := range strings.Split(string(a.Comment), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch words := strings.Fields(rest); word {
		case "", "#":
		case "require":
			p.requires = append(p.requires, rest)
		case "main":
			p.main = rest
		case "tags":
			p.tags = words
		case "pkg":
			p.pkgs = append(p.pkgs, rest)
		case "file":
			p.files = append(p.files, rest)
		case "docker":
			p.docker = words
		case "run":
			p.run = append(p.run, words...)
		case "arg":
			p.run = append(p.run, rest)
		case "get":
			p.port, p.path, _ = strings.Cut(rest, " ")
		case "login":
			p.login = rest + "@"
		case "want":
			if p.want, err = regexp.Compile(rest); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		case "slow":
			p.slow = true
		case "warned":
			p.warned = rest
		default:
			t.Fatalf("%s: unknown line %q", file, line)
		}
	}
	if p.want == nil {
		t.Fatalf("%s: no line \"want\"", file)
	}
	return p
}

// test builds the image and lets it do its job.
func (p zeroProgram) test(t *testing.T, results *zeroResults) {
	for _, pkg := range p.pkgs {
		testkit.NeedPackage(t, pkg)
	}
	for _, pattern := range p.files {
		if found, _ := filepath.Glob(pattern); found == nil {
			testkit.Missing(t, pattern)
		}
	}
	c := buildkit.Config{Main: ".", Repo: buildtest.Repo + "zero-" + p.name, Build: config.Build{Tags: p.tags}}
	if p.main != "" {
		c.Main = p.main
	}
	began := time.Now()
	built := buildtest.MustBuild(t, p.module(t), c)
	r := zeroResult{name: p.name, cgo: built.Plan.Main.Cgo.Enabled, took: time.Since(began), libraries: len(built.Libraries.Loaded())}
	for _, e := range built.Tree.Entries() {
		r.size += e.Size
	}
	for _, n := range built.Notes {
		if strings.HasPrefix(n, "warning: ") {
			r.warnings++
		}
		t.Log(n)
	}
	got, err := p.job(t, buildtest.Load(t, built))
	if err == nil && !p.want.MatchString(got) {
		err = fmt.Errorf("it answers %q, want %q", got[max(0, len(got)-2000):], p.want)
	}
	switch {
	case err == nil && p.warned != "":
		r.result = "works: remove its line warned"
		t.Errorf("it works: remove the line \"warned %s\"", p.warned)
	case err == nil:
		r.result = "works"
	case p.warned != "" && slices.ContainsFunc(built.Notes, func(n string) bool { return strings.HasPrefix(n, "warning: ") && strings.Contains(n, p.warned) }):
		r.result = "does not work, and is warned about: " + p.warned
	default:
		r.result = "fails: " + firstLine(err)
		t.Error(err)
	}
	results.add(r)
}

// module writes the program as a module whose requirements are complete.
func (p zeroProgram) module(t *testing.T) string {
	t.Helper()
	files := map[string]string{}
	for _, f := range p.archive.Files {
		files[f.Name] = string(f.Data)
	}
	mod := "module example.com/" + p.name + "\n\ngo 1.24\n\n"
	for _, r := range p.requires {
		mod += "require " + r + "\n"
	}
	if p.main != "" {
		mod += "tool " + p.main + "\n"
	}
	added := slices.ContainsFunc(p.archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "module/") })
	if added {
		mod += "replace " + strings.Fields(p.requires[0])[0] + " => ./module\n"
	}
	files["go.mod"] = mod
	dir := testkit.Module(t, files)
	if added {
		if err := os.CopyFS(filepath.Join(dir, "module"), os.DirFS(p.source(t))); err != nil {
			t.Fatal(err)
		}
	}
	pattern := "."
	if p.main != "" {
		pattern = p.main
	}
	list := exec.Command("go", "list", "-mod=mod", "-deps", "-f", `{{""}}`, pattern)
	list.Dir = dir
	if out, err := list.CombinedOutput(); err != nil {
		t.Fatalf("completing go.mod: %v\n%s", err, out)
	}
	return dir
}

// source returns the folder of the first module.
func (p zeroProgram) source(t *testing.T) string {
	t.Helper()
	var m struct{ Dir, Error string }
	out := testkit.Output(t, "", "go", "mod", "download", "-json", strings.ReplaceAll(p.requires[0], " ", "@"))
	if err := json.Unmarshal([]byte(out), &m); err != nil || m.Error != "" {
		t.Fatal(m.Error, err)
	}
	return m.Dir
}

// job runs the image, and returns its output or its answer.
func (p zeroProgram) job(t *testing.T, ref string) (string, error) {
	words := slices.Concat([]string{"run", "--label", "fromscratch-test"}, p.docker)
	if p.port != "" {
		return p.answer(t, append(words, "-d", "-p", "127.0.0.1::"+p.port, ref))
	}
	cmd := exec.CommandContext(context.Background(), "docker", slices.Concat(words, []string{"--rm", "-i", ref}, p.run)...)
	if input := p.file("stdin"); input != nil {
		cmd.Stdin = bytes.NewReader(input)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("it ends with %v: %q", err, out[max(0, len(out)-2000):])
	}
	return string(out), nil
}

// answer asks the served page.
func (p zeroProgram) answer(t *testing.T, run []string) (string, error) {
	out, err := exec.CommandContext(context.Background(), "docker", append(run, p.run...)...).Output()
	if err != nil {
		return "", fmt.Errorf("starting it: %w", err)
	}
	id := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if logs, _ := exec.Command("docker", "logs", id).CombinedOutput(); t.Failed() {
			t.Logf("it prints %q", logs)
		}
		exec.Command("docker", "rm", "-f", "-v", id).Run()
	})
	address, err := exec.CommandContext(context.Background(), "docker", "port", id, p.port+"/tcp").Output()
	if err != nil {
		logs, _ := exec.Command("docker", "logs", id).CombinedOutput()
		return "", fmt.Errorf("it has ended: %q", logs)
	}
	got := ask(t, "http://"+p.login+strings.TrimSpace(string(address))+p.path, p.file("body"))
	if strings.HasPrefix(http.DetectContentType([]byte(got)), "image/") {
		return seen(t, got)
	}
	return got, nil
}

// file returns a file of the archive, nil if there is none.
func (p zeroProgram) file(name string) []byte {
	for _, f := range p.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// seen returns the text that is drawn in a picture.
func seen(t *testing.T, picture string) (string, error) {
	testkit.Need(t, "tesseract")
	cmd := exec.CommandContext(context.Background(), "tesseract", "stdin", "stdout", "--psm", "7")
	cmd.Stdin = strings.NewReader(picture)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("reading the text in the picture: %w", err)
	}
	return string(out), nil
}

// zeroResult is a row of the table.
type zeroResult struct {
	name, result        string
	cgo                 bool
	libraries, warnings int
	size                int64
	took                time.Duration
}

// zeroResults is the table.
type zeroResults struct {
	mu   sync.Mutex
	rows []zeroResult
}

func (r *zeroResults) add(row zeroResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, row)
}

// write writes the table as Markdown.
func (r *zeroResults) write(t *testing.T) {
	slices.SortFunc(r.rows, func(a, b zeroResult) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString("| program | cgo | libraries | MB | warnings | build | result |\n|---|---|---|---|---|---|---|\n")
	works, cgo := 0, 0
	for _, row := range r.rows {
		if row.result == "works" {
			works++
		}
		kind := ""
		if row.cgo {
			kind, cgo = "cgo", cgo+1
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %.1f | %d | %s | %s |\n", row.name, kind, row.libraries, float64(row.size)/1e6, row.warnings, row.took.Round(time.Second), strings.ReplaceAll(row.result, "|", "\\|"))
	}
	fmt.Fprintf(&b, "\n%d programs, %d with cgo; %d work.\n", len(r.rows), cgo, works)
	t.Log("\n" + b.String())
	if name := os.Getenv("FROMSCRATCH_ZERO"); name != "" {
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// firstLine returns the beginning of an error, in one line.
func firstLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return text[:min(len(text), 200)]
}
