package plan

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// facts returns the Facts of a program web with an empty Config.
func facts(t *testing.T) Facts {
	t.Helper()
	dir := t.TempDir()
	bundle := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(bundle, []byte("certificates"), 0o644); err != nil {
		t.Fatal(err)
	}
	return Facts{
		Config: config.Config{Origin: "default"}, Name: "web", Main: gobuild.Main{ImportPath: "example.com/web", Name: "web", Dir: dir},
		For: platform.Platform{OS: "linux", Architecture: "amd64"}, From: "host", Of: 1,
		Module: gobuild.Module{Dir: dir, Path: "example.com/web", GOROOT: "/goroot"},
		Getenv: environment("SSL_CERT_FILE="+bundle, "HOME=/home/me"),
	}
}

// environment returns a Getenv.
func environment(vars ...string) func(string) string {
	return func(key string) string {
		for _, v := range slices.Backward(vars) {
			if name, value, _ := strings.Cut(v, "="); name == key {
				return value
			}
		}
		return ""
	}
}

// Every value comes from the default, the Config or the environment, of which the last wins, and notes its origin.
func TestNew(t *testing.T) {
	t.Parallel()
	arm := platform.Platform{OS: "linux", Architecture: "arm64"}
	at := func(c config.Config) func(*Facts) {
		c.Origin = "magefile.go:7"
		return func(f *Facts) { f.Config = c }
	}
	env := func(vars ...string) func(*Facts) {
		return func(f *Facts) {
			before := f.Getenv
			f.Getenv = func(key string) string {
				if value := environment(vars...)(key); value != "" {
					return value
				}
				return before(key)
			}
		}
	}
	for name, row := range map[string]struct {
		change []func(*Facts)
		get    func(Image) any
		want   any
		value  string // name, value and origin of one of Values
	}{
		"reference by default":           {nil, func(i Image) any { return i.Reference }, "web:latest", "reference | web:latest | default"},
		"reference of the Config":        {[]func(*Facts){at(config.Config{Repo: "r.example/a", Tags: config.Tags{"1"}})}, func(i Image) any { return i.Reference }, "r.example/a:1", "reference | r.example/a:1 | magefile.go:7"},
		"reference of the environment":   {[]func(*Facts){at(config.Config{Repo: "r.example/a", Tags: config.Tags{"1"}}), env("IMAGE_TAG=2")}, func(i Image) any { return i.Reference }, "r.example/a:2", "reference | r.example/a:2 | repository: magefile.go:7, tag: env IMAGE_TAG"},
		"repository":                     {[]func(*Facts){at(config.Config{Repo: "r.example:5000/a"})}, func(i Image) any { return i.Repository }, "r.example:5000/a", ""},
		"further tags, each once":        {[]func(*Facts){at(config.Config{Tags: config.Tags{"1", "1", "latest", "latest"}})}, func(i Image) any { return i.References() }, []string{"web:1", "web:latest"}, "also named | web:latest | magefile.go:7"},
		"tags with a suffix":             {[]func(*Facts){at(config.Config{Tags: config.Tags{"1", "latest"}, TagSuffix: "-debug"})}, func(i Image) any { return i.References() }, []string{"web:1-debug", "web:latest-debug"}, "reference | web:1-debug | repository: default, tag: magefile.go:7"},
		"suffix of the default":          {[]func(*Facts){at(config.Config{TagSuffix: "-debug"})}, func(i Image) any { return i.Reference }, "web:latest-debug", ""},
		"first tag of the environment":   {[]func(*Facts){at(config.Config{Tags: config.Tags{"1", "stable"}, TagSuffix: "-debug"}), env("IMAGE_TAG=2")}, func(i Image) any { return i.References() }, []string{"web:2-debug", "web:stable-debug"}, "reference | web:2-debug | repository: default, tag: env IMAGE_TAG"},
		"program elsewhere":              {[]func(*Facts){at(config.Config{Program: "/usr/bin/app"})}, func(i Image) any { return i.Config.Entrypoint }, []string{"/usr/bin/app"}, "program | /usr/bin/app | magefile.go:7"},
		"date of the files":              {[]func(*Facts){env("SOURCE_DATE_EPOCH=86400"), at(config.Config{Created: "2026-01-02T15:04:05Z"})}, func(i Image) any { return i.Config.Created.Unix() }, int64(86400), ""},
		"date of the image alone":        {[]func(*Facts){at(config.Config{Created: "2026-01-02T17:04:05+02:00"})}, func(i Image) any { return []int64{i.Config.Created.Unix(), i.Epoch.Unix()} }, []int64{1767366245, 0}, "created | 2026-01-02T15:04:05Z | magefile.go:7"},
		"file of a platform":             {[]func(*Facts){at(config.Config{Files: []config.File{{From: "a", To: "/a", Platforms: []string{"linux/arm64"}}, {From: "b", To: "/b", Platforms: []string{"linux/arm64", "linux/amd64"}}, {From: "c", To: "/c"}}})}, func(i Image) any { return []string{i.Files.Files[0].To, i.Files.Files[1].To} }, []string{"/b", "/c"}, "file | b → /b | magefile.go:7"},
		"capabilities":                   {[]func(*Facts){at(config.Config{Capabilities: []string{"NET_RAW"}})}, func(i Image) any { return i.Files.Capabilities.Names() }, []string{"cap_net_raw"}, "capabilities | cap_net_raw | magefile.go:7"},
		"capabilities of a file":         {[]func(*Facts){at(config.Config{Capabilities: []string{"cap_chown"}, Files: []config.File{{From: "a", To: "/a", Capabilities: []string{"cap_kill"}}}})}, func(i Image) any { return i.Capabilities().String() }, "cap_chown,cap_kill", "file | a → /a, with cap_kill | magefile.go:7"},
		"a mode that root has too":       {[]func(*Facts){at(config.Config{User: "root"})}, func(i Image) any { return i.Secure(1) }, false, ""},
		"secure mode of capabilities":    {nil, func(i Image) any { return []bool{i.Secure(0), i.Secure(1)} }, []bool{false, true}, ""},
		"annotations by default":         {nil, func(i Image) any { return i.Supply }, Supply{Packages: true, Attestations: true, Annotations: "auto"}, ""},
		"the image alone":                {[]func(*Facts){at(config.Config{Push: config.Push{NoAttestations: true, Annotations: config.AnnotationsNone}})}, func(i Image) any { return i.Supply }, Supply{Packages: true, Annotations: "none"}, "attestations | none | magefile.go:7"},
		"no packages":                    {[]func(*Facts){at(config.Config{Packages: config.PackagesNone})}, func(i Image) any { return i.Supply.Packages }, false, "packages | none | magefile.go:7"},
		"annotations of git":             {[]func(*Facts){at(config.Config{Push: config.Push{Annotations: config.AnnotationsGit}})}, func(i Image) any { return i.Supply.Annotations }, "git", "annotations | source, revision, version | magefile.go:7"},
		"what After is told":             {[]func(*Facts){at(config.Config{Repo: "r.example:5000/a", Tags: config.Tags{"1"}, TagSuffix: "-x"})}, func(i Image) any { b := i.BuildInfo("/out/web"); b.Dir = ""; return b }, config.BuildInfo{Name: "web", Version: "1-x", Platform: "linux/amd64", Platforms: []string{"linux/amd64"}, Binary: "/out/web"}, ""},
		"compression":                    {[]func(*Facts){at(config.Config{Push: config.Push{Compression: "zstd"}})}, func(i Image) any { return i.Compression }, registry.Zstd, ""},
		"time by default":                {nil, func(i Image) any { return i.Epoch.Unix() }, int64(0), "time | 1970-01-01T00:00:00Z | default"},
		"time of the environment":        {[]func(*Facts){env("SOURCE_DATE_EPOCH=86400")}, func(i Image) any { return i.Epoch.Unix() }, int64(86400), "time | 1970-01-02T00:00:00Z | env SOURCE_DATE_EPOCH"},
		"user by default":                {nil, func(i Image) any { return i.Config.User }, "65534:65534", "user | 65534:65534 (nobody) | default"},
		"user of the Config":             {[]func(*Facts){at(config.Config{User: "web", Users: []config.User{{Name: "web", UID: 7, GID: 8, Home: "/srv"}}})}, func(i Image) any { return i.Config.User }, "7:8", "user | 7:8 (web) | magefile.go:7"},
		"home in the environment":        {nil, func(i Image) any { return i.Config.Env }, []string{"HOME=/data"}, "env | HOME=/data | home of the user"},
		"value of a variable is hidden":  {[]func(*Facts){at(config.Config{Env: map[string]string{"TOKEN": "x"}})}, func(i Image) any { return i.Env("TOKEN") }, "x", "env | TOKEN | magefile.go:7"},
		"value of a variable is shown":   {[]func(*Facts){at(config.Config{Env: map[string]string{"TOKEN": "x"}}), env("IMAGE_SHOW_VALUES=1")}, func(i Image) any { return i.Env("TOKEN") }, "x", "env | TOKEN=x | magefile.go:7"},
		"entrypoint by default":          {nil, func(i Image) any { return i.Config.Entrypoint }, []string{"/web"}, `entrypoint | ["/web"] | default`},
		"work folder":                    {[]func(*Facts){at(config.Config{Workdir: "/srv"})}, func(i Image) any { return i.Config.Workdir }, "/srv", "workdir | /srv | magefile.go:7"},
		"work folder is made":            {[]func(*Facts){at(config.Config{Workdir: "/srv"})}, func(i Image) any { return i.Files.Dirs[0].Path }, "/srv", "dir | /srv | magefile.go:7"},
		"one platform has the plain dir": {nil, func(i Image) any { return i.Folder() }, "web", "platform | linux/amd64 | host"},
		"several have a dir each":        {[]func(*Facts){func(f *Facts) { f.Of, f.For = 2, arm }}, func(i Image) any { return i.Folder() }, "web@linux-arm64", ""},
		"name for people":                {[]func(*Facts){func(f *Facts) { f.Of, f.For = 2, arm }}, func(i Image) any { return i.Label() }, "web linux/arm64", ""},
		"archive of several is together": {[]func(*Facts){func(f *Facts) { f.Of = 2 }}, func(i Image) any { return i.Delivered() == i.Group() }, true, ""},
		"flags":                          {[]func(*Facts){at(config.Config{Build: config.Build{Tags: []string{"a", "b"}, LDFlags: "-X x=y"}})}, func(i Image) any { return i.Compile.Tags }, []string{"a", "b"}, `go build | -trimpath -buildvcs=false -ldflags="-s -w -X x=y" -tags=a,b | magefile.go:7`},
		"environment of a platform":      {[]func(*Facts){at(config.Config{Build: config.Build{Env: map[string]string{"CC": "gcc", "A": "b"}, EnvFor: map[string]map[string]string{"linux/amd64": {"CC": "x-gcc"}, "linux/arm64": {"CC": "y-gcc"}}}})}, func(i Image) any { return i.Compile.Env }, map[string]string{"CC": "x-gcc", "A": "b"}, "go env | CC | magefile.go:7"},
		"plugins by default":             {nil, func(i Image) any { return len(i.Libraries.Plugins) }, 0, "plugins | auto | default"},
		"libraries":                      {[]func(*Facts){at(config.Config{Libraries: []string{"libx.so.1"}})}, func(i Image) any { return i.Libraries.Names }, []string{"libx.so.1"}, "library | libx.so.1 | magefile.go:7"},
		"scratch":                        {[]func(*Facts){at(config.Config{Base: "scratch"})}, func(i Image) any { return i.BaseName }, "", "base | scratch | magefile.go:7"},
		"base that was not found":        {[]func(*Facts){at(config.Config{Base: "r.example/b"}), func(f *Facts) { f.BaseErr = errors.New("gone\nfix: x") }}, func(i Image) any { return i.Check() != nil }, true, "base | r.example/b (unresolved: gone; fix: x) | magefile.go:7"},
		"program is listed":              {nil, func(i Image) any { return i.Listed }, true, "main | example.com/web | discovered"},
		"program is named":               {[]func(*Facts){at(config.Config{Main: "."})}, func(i Image) any { return i.Listed }, false, "main | example.com/web | magefile.go:7"},
		"stop signal":                    {[]func(*Facts){at(config.Config{StopSignal: "int"})}, func(i Image) any { return i.Config.StopSignal }, "SIGINT", "stop signal | SIGINT | magefile.go:7"},
		"ports":                          {[]func(*Facts){at(config.Config{Ports: []string{"80", "53/udp"}})}, func(i Image) any { return i.Config.Ports }, []string{"53/udp", "80/tcp"}, "port | 80/tcp | magefile.go:7"},
		"hooks":                          {[]func(*Facts){at(config.Config{Build: config.Build{Before: func(context.Context, config.BuildInfo) error { return nil }}})}, func(i Image) any { return i.Hooks.Before && i.Hooks.After == nil }, true, ""},
		"rules of the check": {[]func(*Facts){at(config.Config{Check: config.Check{MaxSize: "20MB", MaxGrowth: "10%", Root: true, Allow: []string{"/srv/*/"}}})}, func(i Image) any { return i.Rules },
			Rules{MaxSize: 20e6, MaxGrowth: Growth{Text: "10%", Percent: 10}, Root: true, Allow: []string{"/srv/*"}}, "check | at most 20MB, growth of at most 10%, root allowed, allowed: /srv/*/ | magefile.go:7"},
		"no rules of the check": {nil, func(i Image) any { return i.Rules }, Rules{}, ""},
		"healthcheck":           {[]func(*Facts){at(config.Config{Healthcheck: &config.Healthcheck{Test: []string{"/web", "-h"}}})}, func(i Image) any { return i.Config.Healthcheck }, &image.Healthcheck{Test: []string{"/web", "-h"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := facts(t)
			for _, change := range row.change {
				change(&f)
			}
			img, err := New(f)
			if err != nil {
				t.Fatal(err)
			}
			if got := row.get(img); !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %#v, want %#v", got, row.want)
			}
			var values []string
			for _, v := range img.Values {
				values = append(values, strings.Join([]string{v.Name, v.Value, v.Origin}, " | "))
			}
			if row.value != "" && !slices.Contains(values, row.value) {
				t.Errorf("the values are\n%s\nwithout %s", strings.Join(values, "\n"), row.value)
			}
		})
	}
}

// A mistake is a ConfigError that names the place and the fix.
func TestNewWrong(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		config config.Config
		env    string
		words  []string
	}{
		"name of a folder":         {config.Config{Name: "etc"}, "", []string{"/etc", "set Name"}},
		"name of no file":          {config.Config{Name: "a b"}, "", []string{`"a b"`, "set Name"}},
		"tag":                      {config.Config{Tags: config.Tags{"a b"}}, "", []string{"tag: magefile.go:7", `"a b"`}},
		"tag of the environment":   {config.Config{}, "IMAGE_TAG=a b", []string{"env IMAGE_TAG"}},
		"time":                     {config.Config{}, "SOURCE_DATE_EPOCH=today", []string{`SOURCE_DATE_EPOCH is "today"`}},
		"cgo":                      {config.Config{Build: config.Build{Cgo: "maybe"}}, "", []string{`"maybe"`, "set it to"}},
		"platform of a variable":   {config.Config{Build: config.Build{EnvFor: map[string]map[string]string{"linux/x86": nil}}}, "", []string{"Build.EnvFor", "linux/x86"}},
		"compression":              {config.Config{Push: config.Push{Compression: "xz"}}, "", []string{`"xz"`}},
		"packages":                 {config.Config{Packages: "all"}, "", []string{`"all"`, "Packages"}},
		"annotations":              {config.Config{Push: config.Push{Annotations: "all"}}, "", []string{`"all"`, "Push.Annotations"}},
		"date":                     {config.Config{Created: "today"}, "", []string{`"today"`, "targets.CommitTime"}},
		"suffix of a tag":          {config.Config{TagSuffix: " x"}, "", []string{`"latest x"`}},
		"program, relative":        {config.Config{Program: "bin/web"}, "", []string{`"bin/web"`, `"/web"`}},
		"program is a folder":      {config.Config{Program: "/etc"}, "", []string{"/etc", "set Program"}},
		"program not clean":        {config.Config{Program: "/usr/../web"}, "", []string{`"/usr/../web"`}},
		"file over Program":        {config.Config{Program: "/srv/app", Files: []config.File{{From: "x", To: "/srv/app"}}}, "", []string{"a File", "/srv/app"}},
		"platform of a file":       {config.Config{Files: []config.File{{From: "x", To: "/x", Platforms: []string{"arm65"}}}}, "", []string{"/x", "arm65"}},
		"capability":               {config.Config{Capabilities: []string{"cap_net_bind"}}, "", []string{"Capabilities (magefile.go:7)", `"cap_net_bind" is no capability`, `write "cap_net_bind_service"`}},
		"capability of a file":     {config.Config{Files: []config.File{{From: "x", To: "/x", Capabilities: []string{"cap_net_row"}}}}, "", []string{`Capabilities of the File "/x" (magefile.go:7)`, `write "cap_net_raw"`}},
		"library":                  {config.Config{Libraries: []string{"lib/x.so"}}, "", []string{`"lib/x.so"`}},
		"pattern":                  {config.Config{Exclude: []string{"["}}, "", []string{`"["`, "path.Match"}},
		"plugins":                  {config.Config{Plugins: []string{"none", "fonts"}}, "", []string{"Plugins"}},
		"sysroot":                  {config.Config{Sysroot: "/nowhere/at/all"}, "", []string{"/nowhere/at/all"}},
		"file over the program":    {config.Config{Files: []config.File{{From: "x", To: "/web"}}}, "", []string{"a File", "/web"}},
		"decimal mode":             {config.Config{Files: []config.File{{From: "x", To: "/x", Mode: 644}}}, "", []string{"0o644"}},
		"variable":                 {config.Config{Env: map[string]string{"A=B": "c"}}, "", []string{`"A=B"`}},
		"port":                     {config.Config{Ports: []string{"http"}}, "", []string{"http"}},
		"logins without a Builder": {config.Config{Build: config.Build{Lend: []string{"git.example"}}}, "", []string{"Build.Lend and no Build.Container"}},
		"size of the check":        {config.Config{Check: config.Check{MaxSize: "20"}}, "", []string{`"20"`, "Check.MaxSize", `"20MB"`}},
		"no size of the check":     {config.Config{Check: config.Check{MaxSize: "0B"}}, "", []string{"Check.MaxSize"}},
		"growth of the check":      {config.Config{Check: config.Check{MaxGrowth: "10 percent"}}, "", []string{`"10 percent"`, "Check.MaxGrowth", `"10%"`}},
		"relative in the check":    {config.Config{Check: config.Check{Allow: []string{"srv"}}}, "", []string{`"srv"`, "Check.Allow"}},
		"pattern of the check":     {config.Config{Check: config.Check{Allow: []string{"/["}}}, "", []string{`"/["`, "path.Match"}},
		"engines without one":      {config.Config{Build: config.Build{Engines: map[string]string{"linux/arm64": "x"}}}, "", []string{"Build.Engines and no Build.Container"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := facts(t)
			f.Config = row.config
			f.Config.Origin = "magefile.go:7"
			if row.config.Name != "" {
				f.Name = row.config.Name
			}
			if row.env != "" {
				before := f.Getenv
				f.Getenv = func(key string) string {
					if name, value, _ := strings.Cut(row.env, "="); name == key {
						return value
					}
					return before(key)
				}
			}
			_, err := New(f)
			var wrong *report.ConfigError
			if !errors.As(err, &wrong) {
				t.Fatalf("error %v, want a ConfigError", err)
			}
			for _, words := range append(row.words, "\nfix: ") {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("the error does not say %q:\n%v", words, err)
				}
			}
		})
	}
}

// The public form of a value names neither this machine nor its user, and has no secret.
func TestPublic(t *testing.T) {
	t.Parallel()
	f := facts(t)
	f.Config = config.Config{
		Origin: filepath.Join(f.Module.Dir, "magefile.go:7"), Build: config.Build{Container: "golang:1.26", Env: map[string]string{"GOFLAGS": "secret"}}, Env: map[string]string{"TOKEN": "secret"}, Files: []config.File{{From: filepath.Join(f.Module.Dir, "site"), To: "/srv"}},
	}
	f.From = "engine at tcp://me@far.example"
	f.Builder = builder.Of(docker.Image{ID: "sha256:0123"}, "golang:1.26", "tcp://me@far.example", nil, nil)
	outer := f.Getenv
	f.Getenv = func(key string) string {
		if key == "IMAGE_SHOW_VALUES" {
			return "1"
		}
		return outer(key)
	}
	img, err := New(f)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]Public{}
	for _, v := range img.Values {
		seen[v.Name+" "+v.Public.Value] = v.Public
		for _, not := range []string{"far.example", "secret", f.Module.Dir} {
			if strings.Contains(v.Public.Value+v.Public.Origin, not) {
				t.Errorf("%s tells everybody %s: %+v", v.Name, not, v.Public)
			}
		}
	}
	for want, origin := range map[string]string{
		"container golang:1.26": "magefile.go:7", "platform linux/amd64": "", "env TOKEN": "magefile.go:7", "file site → /srv": "magefile.go:7",
		"certificates ca.pem": "env SSL_CERT_FILE",
	} {
		if got, ok := seen[want]; !ok || got.Origin != origin {
			t.Errorf("%q is %+v (%t), want the origin %q", want, got, ok, origin)
		}
	}
}
