package expand

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/git"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// repository runs commands of git in a new folder, and returns it.
func repository(t *testing.T, commands ...string) string {
	t.Helper()
	testkit.Need(t, "git")
	dir := t.TempDir()
	for _, c := range commands {
		runGit(t, dir, strings.Fields(c)...)
	}
	return dir
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, append(environ(), "GIT_AUTHOR_DATE=2026-01-02T17:04:05+02:00", "GIT_COMMITTER_DATE=2026-01-02T17:04:05+02:00")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

func environ() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_ALLOW_PROTOCOL=file",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"CI_JOB=17", "EMPTY=")
}

const (
	commit = "commit -q --allow-empty -m one"
	second = "commit -q --allow-empty -m two"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	plain := repository(t)
	empty := repository(t, "init -q")
	untagged := repository(t, "init -q -b main", commit)
	tagged := repository(t, "init -q -b feature/x_y", commit, "tag v1.9.0", "tag v1.10.0")
	later := repository(t, "init -q -b main", commit, "tag v1.2.3", second)
	detached := repository(t, "init -q -b main", commit, "checkout -q --detach")
	dirty := repository(t, "init -q -b main", commit)
	if err := os.WriteFile(filepath.Join(dirty, "new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	shallow := t.TempDir()
	runGit(t, shallow, "clone", "-q", "--depth=1", "--no-tags", "file://"+later, ".")

	for name, row := range map[string]struct{ dir, text, want, fails string }{
		"no template":              {plain, "1.2", "1.2", ""},
		"name and platform":        {plain, "{{.Name}} for {{.Platform}}", "web for linux/arm64", ""},
		"variable":                 {plain, "b{{.Env.CI_JOB}}", "b17", ""},
		"variable not set":         {plain, "{{.Env.NOPE}}", "", "the variable NOPE is not set"},
		"variable empty":           {plain, "{{.Env.EMPTY}}", "", "the variable EMPTY is not set"},
		"variable or else":         {plain, `{{or .Env.NOPE .Env.EMPTY "dev"}}`, "dev", ""},
		"tag":                      {tagged, "{{.Git.Tag}}", "v1.10.0", ""},
		"no tag":                   {untagged, "{{.Git.Tag}}", "", "has no tag\nfix: run git tag"},
		"no tag on this commit":    {later, "{{.Git.Tag}}", "", "has no tag"},
		"no tag or else":           {untagged, `{{or .Git.Tag "dev"}}`, "dev", ""},
		"no tag in a condition":    {untagged, `{{if .Git.Tag}}{{.Git.Tag}}{{else}}dev{{end}}`, "dev", ""},
		"two missing, one is told": {untagged, `{{or .Env.NOPE .Git.Tag}}`, "", "has no tag"},
		"described":                {tagged, "{{.Git.Describe}}", "v1.10.0", ""},
		"branch":                   {tagged, "{{.Git.Branch}}", "feature/x_y", ""},
		"branch for a tag":         {tagged, "{{slug .Git.Branch}}", "feature-x_y", ""},
		"slug of nothing":          {detached, "{{slug .Git.Branch}}", "", "no branch"},
		"no branch":                {detached, "{{.Git.Branch}}", "", "and no branch\nfix: check a branch out, or take the name from a variable of the CI"},
		"time":                     {tagged, config.CommitTime, "2026-01-02T15:04:05Z", ""},
		"clean":                    {tagged, "{{.Git.Dirty}}", "false", ""},
		"dirty":                    {dirty, `1{{if .Git.Dirty}}-dirty{{end}}`, "1-dirty", ""},
		"shallow, tag":             {shallow, "{{.Git.Tag}}", "", "git fetch --unshallow --tags"},
		"shallow, described":       {shallow, "{{.Git.Describe}}", "", "is shallow, and no tag is near"},
		"no repository":            {plain, "{{.Git.Commit}}", "", "is in no git repository"},
		"no commit":                {empty, "{{.Git.ShortCommit}}", "", "has no commit"},
		"without a prefix":         {tagged, `{{trimPrefix "v" .Git.Tag}}`, "1.10.0", ""},
		"pipeline":                 {tagged, `{{.Git.Branch | slug}}`, "feature-x_y", ""},
		"equal":                    {tagged, `{{if eq .Env.CI_JOB "16" "17"}}a{{else}}b{{end}}{{if ne .Name "web"}}c{{end}}`, "a", ""},
		"equal to what is missing": {tagged, `{{if eq .Env.NOPE "x"}}a{{else}}b{{end}}`, "b", ""},
		"and, not":                 {tagged, `{{if and .Git.Tag (not .Git.Dirty)}}release{{end}}`, "release", ""},
		"else if":                  {untagged, `{{if .Git.Tag}}a{{else if .Env.CI_JOB}}b{{else}}c{{end}}`, "b", ""},
		"trimmed, with a comment":  {plain, "x {{- /* no */ -}} y{{\"{{\"}}", "xy{{", ""},
		"a loop":                   {plain, `{{range .Env}}{{end}}`, "", "is not known"},
		"a method":                 {plain, `{{.Git.Run "x"}}`, "", "is not known"},
		"too many arguments":       {plain, `{{not "a" "b"}}`, "", "arguments"},
		"a variable of a template": {plain, `{{$x := "a"}}`, "", "is not known"},
		"no such function":         {plain, `{{printf "a"}}`, "", `function "printf" not defined`},
		"no such field":            {plain, "{{.Git.Tagg}}", "", "fix: use .Git.Tag, "},
		"no such value":            {plain, "{{.Version}}", "", "fix: use .Git.Tag, "},
		"no such variable, index":  {plain, `{{index .Env "NOPE"}}`, "", "not defined"},
		"malformed":                {plain, "{{.Name", "", "unclosed action"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := Values{Git: git.Open(row.dir, environ()), Environ: environ(), Name: "web", Platform: "linux/arm64"}
			c := config.Config{
				Origin: "magefile.go:7", Tags: config.Tags{"1", config.Tag(row.text)}, Created: row.text, Labels: map[string]string{"a": row.text},
				Env: map[string]string{"b": row.text}, Build: config.Build{LDFlags: row.text},
			}
			got, err := Config(context.Background(), c, v)
			if row.fails != "" {
				var wrong *report.ConfigError
				if !errors.As(err, &wrong) || !strings.Contains(err.Error(), row.fails) || !strings.Contains(err.Error(), "Tags") ||
					!strings.Contains(err.Error(), "magefile.go:7") || !strings.Contains(err.Error(), "\nfix: ") || strings.Contains(err.Error(), "template:") {
					t.Errorf("the error is %v, want one of the Config that names Tags and says %q", err, row.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Tags[0] != "1" || string(got.Tags[1]) != row.want || got.Created != row.want || got.Labels["a"] != row.want || got.Env["b"] != row.want || got.Build.LDFlags != row.want {
				t.Errorf("got %+v, want %q everywhere", got, row.want)
			}
			if string(c.Tags[1]) != row.text || c.Labels["a"] != row.text {
				t.Error("the Config itself has changed")
			}
			if Has(c) != strings.Contains(row.text, "{{") {
				t.Errorf("Has is %v", Has(c))
			}
		})
	}
}

// A commit's short name is a beginning of the commit.
func TestCommit(t *testing.T) {
	t.Parallel()
	dir := repository(t, "init -q", commit)
	c, err := Config(context.Background(), config.Config{Tags: config.Tags{"{{.Git.Commit}}", "{{.Git.ShortCommit}}", "{{.Git.Describe}}"}},
		Values{Git: git.Open(dir, environ())})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tags[0]) != 40 || len(c.Tags[1]) < 7 || !strings.HasPrefix(string(c.Tags[0]), string(c.Tags[1])) || c.Tags[2] != c.Tags[1] {
		t.Errorf("got %q", c.Tags)
	}
}

// With several platforms a text about all of them has none.
func TestNoPlatform(t *testing.T) {
	t.Parallel()
	_, err := Config(context.Background(), config.Config{Tags: config.Tags{"{{.Platform}}"}, Build: config.Build{LDFlags: "{{.Platform}}"}}, Values{Platform: "linux/amd64", Several: true})
	if err == nil || !strings.Contains(err.Error(), "several platforms") {
		t.Errorf("the error is %v", err)
	}
}

// Without git, a text that asks it is an error, and others are not.
func TestNoGit(t *testing.T) {
	dir := repository(t, "init -q", commit)
	t.Setenv("PATH", "/nowhere")
	v := Values{Git: git.Open(dir, os.Environ()), Name: "web"}
	if _, err := Config(context.Background(), config.Config{Tags: config.Tags{"{{.Git.Tag}}"}}, v); err == nil || !strings.Contains(err.Error(), "there is no command git\nfix: install git") {
		t.Errorf("the error is %v", err)
	}
	if c, err := Config(context.Background(), config.Config{Tags: config.Tags{"{{.Name}}"}}, v); err != nil || c.Tags[0] != "web" {
		t.Errorf("got %q (%v)", c.Tags, err)
	}
}

// A value of git or the environment is one flag of the linker at most, or else somebody else's branch or title could name programs that
// link. A secret is in no text that everybody can read.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	quoted := repository(t, "init -q -b it's", commit)
	env := append(environ(), "TITLE=fix it -extld=/tmp/evil", "TOKEN=s3cret")
	v := Values{Git: git.Open(quoted, env), Environ: env, Name: "web"}
	expand := func(c config.Config) (config.Config, error) { return Config(context.Background(), c, v) }
	for _, text := range []string{
		"-X main.v={{.Env.TITLE}}", `-X main.v={{or .Git.Tag .Env.TITLE}}`, `-X main.v={{trimPrefix "x" .Env.TITLE}}`, "-X 'main.v={{.Git.Branch}}'", `{{if .Env.TITLE}}{{.Env.TITLE | trimPrefix "f"}}{{end}}`,
	} {
		_, err := expand(config.Config{Build: config.Build{LDFlags: text}})
		if err == nil || !strings.Contains(err.Error(), "could be several flags\nfix: write {{slug .") {
			t.Errorf("%s: %v", text, err)
		}
	}
	c, err := expand(config.Config{Labels: map[string]string{"t": "{{.Env.TITLE}}"}, Build: config.Build{LDFlags: `-X main.v={{slug .Env.TITLE}} {{or .Git.Tag "-X a=b"}}`}})
	if err != nil || c.Labels["t"] != "fix it -extld=/tmp/evil" || c.Build.LDFlags != "-X main.v=fix-it--extld-tmp-evil -X a=b" {
		t.Errorf("got %+v (%v)", c, err)
	}
	for _, secrets := range [][]string{{"TOKEN"}, {"OTHER", "TOKEN=file"}} {
		_, err := expand(config.Config{Labels: map[string]string{"t": `{{or .Git.Tag .Env.TOKEN}}`}, Build: config.Build{Secrets: secrets}})
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "TOKEN is in Build.Secrets") {
			t.Errorf("the error is %v", err)
		}
	}
}
