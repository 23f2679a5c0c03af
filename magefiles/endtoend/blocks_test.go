package endtoend_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// block is a fenced block of a page.
type block struct{ page, language, text string }

// blocks returns the fenced blocks of the documentation in a language.
func blocks(t *testing.T, language string) (found []block) {
	t.Helper()
	for page, text := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] == language {
				found = append(found, block{page, m[1], m[2]})
			}
		}
	}
	return found
}

// unread are languages of blocks that no test reads, and why.
var unread = map[string]string{
	"":           "a picture, or a list of files",
	"dockerfile": "the console block after it would build it, and says why no test does",
	"python":     "a Tiltfile, and the page says that Tilt does not run here",
}

// Each block is in a language that a test reads, or unread says why none does. Of go it is TestGoBlocksOfTheDocs, of console
// TestHeavyConsoleBlocks, of the others a test of this file.
func TestLanguagesOfTheDocs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for page, text := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			seen[m[1]] = true
			if !slices.Contains([]string{"console", "go", "json", "yaml"}, m[1]) && unread[m[1]] == "" {
				t.Errorf("%s: no test reads a block of %s:\n%s", page, m[1], m[2])
			}
		}
		if strings.Count("\n"+text, "\n```") != 2*len(fence.FindAllString(text, -1)) {
			t.Errorf("%s has a line with ``` that neither begins nor ends a block", page)
		}
	}
	for language := range unread {
		if !seen[language] {
			t.Errorf("no page has a block of %s\nfix: remove it from unread", language)
		}
	}
}

// GitHub would run the workflows, and compose the services. What GitLab and Skaffold read is YAML. Pods are for TestHeavyPodsOfTheDocs.
func TestHeavyYAMLBlocksOfTheDocs(t *testing.T) {
	t.Parallel()
	found := blocks(t, "yaml")
	if len(found) < 3 {
		t.Errorf("there are %d blocks", len(found))
	}
	for _, b := range found {
		var check *exec.Cmd
		file := filepath.Join(t.TempDir(), "block.yaml")
		switch {
		case strings.Contains(b.text, "\njobs:\n"):
			check = exec.Command(testkit.Program(t, "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"), "-shellcheck=", file)
		case strings.HasPrefix(b.text, "services:\n"):
			check = exec.Command(testkit.Program(t, "github.com/compose-spec/compose-go/v2/cmd@v2.6.3"), file)
		default:
			check = exec.Command(testkit.Program(t, "github.com/mikefarah/yq/v4@v4.44.6"), file)
		}
		if err := os.WriteFile(file, []byte(b.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", b.page, err, out, b.text)
		}
	}
}

// Kubernetes would take the pods in a namespace with a strict policy: testdata/podsecurity has its types and checks.
func TestHeavyPodsOfTheDocs(t *testing.T) {
	t.Parallel()
	pods := 0
	for _, b := range blocks(t, "yaml") {
		if !strings.HasPrefix(b.text, "spec:\n") {
			continue
		}
		pods++
		check := exec.Command("go", "-C", "testdata/podsecurity", "run", ".")
		check.Env, check.Stdin = append(os.Environ(), "CGO_ENABLED=0"), strings.NewReader(b.text)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", b.page, err, out, b.text)
		}
	}
	if pods == 0 {
		t.Error("no page has a pod")
	}
}

// A JSON block is the file with a registry's login.
func TestJSONBlocksOfTheDocs(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t, "json") {
		var file struct {
			Auths map[string]struct{ Auth string }
		}
		if err := json.Unmarshal([]byte(b.text), &file); err != nil || len(file.Auths) == 0 {
			t.Errorf("%s: %v\n%s", b.page, err, b.text)
		}
		for _, login := range file.Auths {
			if text, err := base64.StdEncoding.DecodeString(login.Auth); err != nil || string(text) != "USER:PASSWORD" {
				t.Errorf("%s: the login is %q, %v", b.page, text, err)
			}
		}
	}
}

// notPlanned are texts of Configs that need more than the project of TestHeavyConfigsOfTheDocs has, and what they need.
var notPlanned = map[string]string{
	`Base: "alpine:3.20"`:              "a registry",
	`Container:`:                       "an image with the go command",
	`Sysroot: "/opt/sysroots/`:         "a folder outside of the project",
	`Libraries: []string{"libsqlite3.`: "SQLite and its ODBC driver",
}

var (
	configsOfBlock = regexp.MustCompile(`(?ms)targets\.Configure\((.*?)\)$`)
	configBlock    = regexp.MustCompile(`(?s)^targets\.Config\{.*\}\n$`)
)

// Each Config of the documentation is one that "imagePlan" accepts, in a project that has the files that they name.
func TestHeavyConfigsOfTheDocs(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "git")
	dir := example(t, "plain")
	gomod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	const program = "package main\n\nfunc main() {}\n"
	files := map[string]string{
		"go.mod": strings.Replace(string(gomod), "example.com/plain", "example.com/server", 1), "main.go": program,
		"web/dist/index.html": "", "web/package.json": "{}", "conf/app.toml": "", "firmware/arm64.bin": "", "secrets/token": "secret", "etc/greet.yaml": "",
		"cmd/server/main.go": program, "cmd/web/main.go": program, "cmd/worker/main.go": program, "cmd/app/main.go": program,
	}
	var list strings.Builder
	unused := maps.Clone(notPlanned)
	for _, b := range blocks(t, "go") {
		var configs []string
		if configBlock.MatchString(b.text) {
			configs = []string{b.text}
		}
		for _, m := range configsOfBlock.FindAllStringSubmatch(b.text, -1) {
			configs = append(configs, m[1])
		}
		for _, c := range configs {
			needs := ""
			for text, what := range notPlanned {
				if strings.Contains(c, text) {
					needs = what
					delete(unused, text)
				}
			}
			if needs != "" {
				t.Logf("%s: not planned, because it needs %s:\n%s", b.page, needs, c)
				continue
			}
			c = strings.TrimSuffix(strings.TrimSpace(c), ",")
			fmt.Fprintf(&list, "\t{%q, []config.Config{%s,\n\t}},\n", b.page+":\n"+c, strings.ReplaceAll(c, "targets.", "config."))
		}
	}
	for text := range unused {
		t.Errorf("no Config has %s\nfix: remove it from notPlanned", text)
	}
	files["internal/check/main.go"] = strings.Replace(planAll, "LIST", list.String(), 1)
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"cp /etc/ssl/certs/ca-certificates.crt bundle.pem && mkdir -p certs target/release out/amd64 out/arm64 && sed '/END/q' bundle.pem > certs/company-ca.pem",
		"CGO_ENABLED=0 GOARCH=amd64 go build -o out/amd64/app ./cmd/app && CGO_ENABLED=0 GOARCH=arm64 go build -o out/arm64/app ./cmd/app && cp out/" + runtime.GOARCH + "/app target/release/server && cp target/release/server dlv",
		"git init -q && git add . && git -c user.name=a -c user.email=a@example.com commit -q -m one && git tag v1.2.3",
		"go run ./internal/check",
	} {
		runCommand(t, command(t, dir, []string{"GIT_CONFIG_GLOBAL=/dev/null", "IMAGE_TAG="}, "sh", "-c", line)).wantOK(t)
	}
}

// planAll is a program that plans each of a list of Configs, as imagePlan does.
const planAll = `package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

var (
	_ exec.Cmd
	_ time.Duration
)

var all = []struct {
	text    string
	configs []config.Config
}{
LIST}

func main() {
	failed := 0
	for _, c := range all {
		if err := plan(c.configs); err != nil {
			failed++
			fmt.Printf("%s\n%v\n\n", c.text, err)
		}
	}
	if fmt.Println(len(all), "planned,", failed, "refused"); failed > 0 || len(all) < 30 {
		os.Exit(1)
	}
}

func plan(configs []config.Config) error {
	plans, err := buildkit.Resolve(context.Background(), buildkit.Inputs{Dir: ".", Environ: os.Environ(), Configs: configs})
	if err != nil {
		return err
	}
	for _, p := range plans {
		found, err := buildkit.DryRun(context.Background(), p)
		if err != nil {
			return err
		}
		if found.Unknown != nil && !p.Hooks.Before {
			return found.Unknown
		}
	}
	return nil
}
`
