package buildkit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// plainMain is a program without imports.
const plainMain = `package main

func main() {}
`

// What a module and a Config become in the two files, or why they cannot.
func TestDockerfile(t *testing.T) {
	for _, row := range []struct {
		name     string
		files    map[string]string
		dir      string // of the module, below the files
		config   buildkit.Config
		has      []string // of the Dockerfile
		hasNot   []string
		ignore   []string // lines
		notLines []string
		fails    []string // in the error
	}{{
		name: "version of the toolchain line, root package, embedded files",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22

toolchain go1.22.3
`,
			"main.go": `package main

import _ "embed"

//go:embed static/a.txt
var a string

func main() { println(a) }
`,
			"static/a.txt": "a",
		},
		has: []string{"ARG GO_IMAGE=golang:1.22.3-bookworm\n", "COPY . .\n", " -o /out/app .\n", "GOARCH=$TARGETARCH", "FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build\n"},
		// nothing to download
		hasNot: []string{"go mod download", "apt-get"},
		ignore: []string{"*", "!**/*.go", "!go.mod", "!static/a.txt"}, notLines: []string{"!go.sum"},
	}, {
		name: "data that a static program names",
		files: map[string]string{
			"go.mod":  "module example.com/app\n\ngo 1.22\n",
			"main.go": "package main\n\nimport \"os\"\n\nfunc main() { os.ReadFile(\"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf\") }\n",
		},
		has: []string{"ARG PACKAGES=\"fonts-dejavu-core\"\n", "cp --parents -t /rootfs /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf\n"},
	}, {
		name: "old go line",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.16
`,
			"main.go": plainMain,
		},
		has:    []string{"golang:1.21-bookworm\n"},
		config: buildkit.Config{Env: map[string]string{"PRICE": "$5"}, Labels: map[string]string{"a b": "c"}, StopSignal: "int"},
	}, {
		name: "files, a program elsewhere, a folder that the files go into",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22
`,
			"cmd/web/main.go": plainMain,
			"lib.s.txt":       "",
			"site/a.css":      "",
			"site/b.css":      "",
			"conf/app.conf":   "",
			"ca.pem":          "-",
		},
		config: buildkit.Config{Main: "./cmd/web", Files: []config.File{
			{From: "site/*.css", To: "/srv"}, {From: "conf", To: "/data"}, {From: "conf/app.conf", To: "/etc/", Owner: "1000:1001", Mode: 0o750},
		}},
		has: []string{"COPY cmd cmd\n", "COPY site/a.css /rootfs/srv/a.css\n", "COPY conf/ /rootfs/data/\n", "COPY conf/app.conf /rootfs/etc/app.conf\n",
			"chmod 0750 /rootfs/etc/app.conf", " && install -d -m 0755 -o 65534 -g 65534 /rootfs/data\n", "chown -Rh 1000:1001 /rootfs/etc/app.conf", "COPY --from=files /rootfs/ /\n"},
		ignore: []string{"!conf", "!conf/app.conf", "!site/a.css", "!site/b.css"},
	}, {
		name: "capabilities, and a program elsewhere",
		files: map[string]string{
			"go.mod":  "module example.com/app\n\ngo 1.22\n",
			"main.go": plainMain, "tool": "a program",
		},
		config: buildkit.Config{Program: "/opt/acme/server", Capabilities: []string{"NET_RAW", "cap_net_bind_service"}, Files: []config.File{
			{From: "tool", To: "/opt/", Mode: 0o755, Owner: "7", Capabilities: []string{"cap_kill"}}}},
		has: []string{"ARG PACKAGES=\"libcap2-bin\"\n", " -o /out/opt/acme/server .\nRUN setcap cap_net_bind_service,cap_net_raw=ep /out/opt/acme/server\n",
			"chown -Rh 7:7 /rootfs/opt/tool \\\n && setcap cap_kill=ep /rootfs/opt/tool\n", "COPY --from=build /out/opt/acme/ /opt/acme/\n", "ENTRYPOINT [\"/opt/acme/server\"]\n"},
	}, {
		name: "workspace with a module beside",
		files: map[string]string{
			"go.work": `go 1.23.1

use (
	./app
	./lib
)
`,
			"app/go.mod": `module example.com/app

go 1.22
`,
			"lib/go.mod": `module example.com/lib

go 1.22
`,
			"app/main.go": `package main

import "example.com/lib"

func main() { lib.F() }
`,
			"lib/lib.go": `package lib

func F() {}
`,
		},
		dir:    "app",
		has:    []string{"golang:1.23.1-bookworm\n", "cd app && CGO_ENABLED=0", " -o /out/app .\n"},
		ignore: []string{"!go.work", "!app/go.mod", "!lib/go.mod"},
	}, {
		name: "replace inside, with an assembler file",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22

require example.com/lib v0.0.0

replace example.com/lib => ./third/lib
`,
			"main.go": `package main

import "example.com/lib"

func main() { lib.F() }
`,
			"third/lib/go.mod": `module example.com/lib

go 1.22
`,
			"third/lib/lib.go": `package lib

func F() {}
`,
			"third/lib/x.s": "\n",
		},
		hasNot: []string{"go mod download"},
		ignore: []string{"!**/*.s", "!third/lib/go.mod"},
	}, {
		name: "replace outside",
		files: map[string]string{
			"app/go.mod": `module example.com/app

go 1.22

require example.com/lib v0.0.0

replace example.com/lib => ../lib
`,
			"app/main.go": `package main

import "example.com/lib"

func main() { lib.F() }
`,
			"lib/go.mod": `module example.com/lib

go 1.22
`,
			"lib/lib.go": `package lib

func F() {}
`,
		},
		dir:   "app",
		fails: []string{"/lib\" are outside", "replace", "\nfix: go mod vendor"},
	}, {
		name: "vendored",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22

require example.com/lib v1.0.0
`,
			"main.go": `package main

import "example.com/lib"

func main() { lib.F() }
`,
			"vendor/modules.txt": `# example.com/lib v1.0.0
## explicit; go 1.22
example.com/lib
`,
			"vendor/example.com/lib/lib.go": `package lib

func F() {}
`,
		},
		has: []string{"COPY vendor vendor/\n"}, hasNot: []string{"go mod download"},
		ignore: []string{"!vendor"},
	}, {
		name: "flags, Before, a variant of the platform",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22
`,
			"main.go": plainMain,
		},
		config: buildkit.Config{Platforms: []string{"linux/arm/v6"}, Build: config.Build{Tags: []string{"a", "b"}, Symbols: true, Env: map[string]string{"GOEXPERIMENT": "none"}, Before: func(context.Context, config.BuildInfo) error { return nil }}, Origin: "magefile.go:7"},
		has:    []string{"# note: Before of magefile.go:7", "CGO_ENABLED=0 GOARM=6 GOEXPERIMENT=none GOOS=linux", "go build -trimpath -buildvcs=false -tags=a,b -o /out/app ."},
	}, {
		name: "After",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22
`,
			"main.go": plainMain,
		},
		config: buildkit.Config{Build: config.Build{After: func(context.Context, config.BuildInfo) error { return nil }}, Origin: "magefile.go:7"},
		fails:  []string{"After of the Config (magefile.go:7)", "\nfix: "},
	}, {
		name: "a login in an address",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22
`,
			"main.go": plainMain,
		},
		config: buildkit.Config{Build: config.Build{Env: map[string]string{"GOPROXY": "https://user:s3cret@proxy.example,off"}}, Origin: "magefile.go:7"},
		fails:  []string{"Build.Env of the Config (magefile.go:7)", "GOPROXY has a login", "\nfix: "},
	}, {
		name: "Licenses",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22
`,
			"main.go": plainMain,
		},
		config: buildkit.Config{Licenses: true, Origin: "magefile.go:7"},
		fails:  []string{"Licenses of the Config (magefile.go:7)", "\nfix: "},
	}, {
		name: "a file outside",
		files: map[string]string{
			"app/go.mod": `module example.com/app

go 1.22
`,
			"app/main.go": plainMain,
			"shared.conf": "",
		},
		dir:    "app",
		config: buildkit.Config{Files: []config.File{{From: "../shared.conf", To: "/etc/"}}},
		fails:  []string{"Files of the Config", "shared.conf\" is outside", "\nfix: "},
	}, {
		name: "a variable of two lines",
		files: map[string]string{
			"go.mod": `module example.com/app

go 1.22
`,
			"main.go": plainMain,
		},
		config: buildkit.Config{Env: map[string]string{"A": "b\nUSER 0"}},
		fails:  []string{"the variable", "\nfix: "},
	}} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("GOFLAGS", "")
			dir := filepath.Join(module(t, row.files), row.dir)
			built := mustBuild(t, dir, row.config)
			d, err := built.Dockerfile(context.Background(), "")
			if err == nil {
				err = buildkit.WriteDockerfiles([]buildkit.Dockerfile{d})
			}
			var wrong *buildkit.ConfigError
			if len(row.fails) > 0 && !errors.As(err, &wrong) {
				t.Fatalf("the error is %v, want one of the Config", err)
			}
			for _, text := range row.fails {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("the error does not say %q:\n%v", text, err)
				}
			}
			if len(row.fails) > 0 {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text, lines := written(t, d.Path), strings.Split(written(t, d.Ignore), "\n")
			for _, want := range row.has {
				if !strings.Contains(text, want) {
					t.Errorf("the Dockerfile has no %q", want)
				}
			}
			for _, want := range row.hasNot {
				if strings.Contains(text, want) {
					t.Errorf("the Dockerfile has %q", want)
				}
			}
			checkLines(t, lines, row.ignore, row.notLines)
			if t.Failed() {
				t.Logf("%s\n%s", text, strings.Join(lines, "\n"))
			}
		})
	}
}

func checkLines(t *testing.T, lines, has, hasNot []string) {
	t.Helper()
	all := "\n" + strings.Join(lines, "\n") + "\n"
	for _, want := range has {
		if !strings.Contains(all, "\n"+want+"\n") {
			t.Errorf("the ignore file has no line %q", want)
		}
	}
	for _, want := range hasNot {
		if strings.Contains(all, "\n"+want+"\n") {
			t.Errorf("the ignore file has the line %q", want)
		}
	}
}

func written(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Of several platforms one Dockerfile is written, if one says them all.
func TestDockerfilePlans(t *testing.T) {
	t.Parallel()
	plan := func(name, arch string, cgo bool) buildkit.Plan {
		return buildkit.Plan{Name: name, Platform: buildkit.Platform{OS: "linux", Architecture: arch}, Main: gobuild.Main{Cgo: gobuild.CgoDecision{Enabled: cgo}}}
	}
	for _, row := range []struct {
		name, path string
		plans      []buildkit.Plan
		want       int
		fails      string
	}{
		{"several platforms", "D", []buildkit.Plan{plan("a", "amd64", false), plan("a", "arm64", false)}, 1, ""},
		{"two images", "", []buildkit.Plan{plan("a", "amd64", false), plan("b", "amd64", true)}, 2, ""},
		{"two images in one file", "D", []buildkit.Plan{plan("a", "amd64", false), plan("b", "amd64", false)}, 0, "fix: select one, with IMAGE_NAME=a"},
		{"several platforms with libraries", "", []buildkit.Plan{plan("a", "amd64", true), plan("a", "arm64", true)}, 0, "fix: name one, with IMAGE_PLATFORM=linux/amd64"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := buildkit.DockerfilePlans(row.path, row.plans)
			if len(got) != row.want || (err != nil) != (row.fails != "") || err != nil && !strings.Contains(err.Error(), row.fails) {
				t.Errorf("%d plans, %v", len(got), err)
			}
		})
	}
}
