package dockerfile_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfile"
)

var update = flag.Bool("update", false, "write the golden files")

// static returns a program in a workspace, with files, private modules and every option of how it is run.
func static() dockerfile.Spec {
	return dockerfile.Spec{
		Name: "Web", File: "deploy/Web Dockerfile", GoVersion: "1.25.1", Suite: "bookworm",
		Notes: []string{"Before of magefile.go:7 is a function of the magefile, which docker build does not run."},
		Program: dockerfile.Program{
			Path: "/Web", Dir: "server", ModuleFiles: []string{"go.work", "go.work.sum", "lib/go.mod", "server/go.mod", "server/go.sum"},
			Private: "example.com", Download: []string{"example.com/private", "golang.org/x/net"}, Sources: []string{"lib", "server"},
			Env: []string{"CGO_ENABLED=0"}, Args: []string{"build", "-trimpath", "-tags=a,b", "-ldflags=-s -w -X main.price=$5"}, Package: "./cmd/web",
		},
		System: []dockerfile.Section{{Title: "Folders.", Commands: []dockerfile.Command{
			{Line: "mkdir -p /rootfs/etc"}, {Comment: "for all users", Line: "install -d -m 1777 /rootfs/tmp"},
		}}},
		Certificates: []dockerfile.Copy{{From: "certs/company.pem", To: "/certificates/0.pem"}},
		Files: dockerfile.Files{
			Copies:   []dockerfile.Copy{{From: "site/", To: "/srv/www/"}, {From: "a file.conf", To: "/etc/$app.conf"}},
			Commands: []dockerfile.Command{{Line: "chmod -R u=rwX,go=rX /rootfs/srv/www"}},
		},
		Run: dockerfile.Run{
			Entrypoint: []string{"/Web", `-title=<a & "b">`}, Cmd: []string{"-v"},
			Env: []string{"HOME=/data", `GREETING=it's "5 $"`}, User: "65534:65534", Workdir: "/data", Ports: []string{"8080/tcp", "53/udp"},
			Volumes: []string{"/data", "/cache"}, Labels: map[string]string{"b": "2", "a": "one two"}, StopSignal: "SIGINT",
			Healthcheck: &dockerfile.Healthcheck{Test: []string{"/Web", "-health"}, Interval: 5 * time.Second, StartPeriod: time.Minute, Retries: 2},
		},
		Ignore: dockerfile.Unignored{Go: []string{"**/*.go", "**/*.s"}, Others: []string{"server/cmd/clock"}, Paths: []string{"certs/company.pem", "site", "what?"}},
	}
}

// libraries returns a cgo program.
func libraries() dockerfile.Spec {
	return dockerfile.Spec{
		Name: "sqlite", File: "Dockerfile", GoVersion: "1.24.0", Suite: "trixie", Platform: "linux/arm/v7",
		Packages: []dockerfile.Package{{Name: "libsqlite3-dev", Version: "3.40.1-2", Why: "headers and libsqlite3.so.0"}, {Name: "tzdata"}, {Name: "libsomething-with-a-long-name-dev"}, {Name: "libother-with-a-long-name-dev"}},
		Program: dockerfile.Program{
			Path: "/sqlite", Dir: ".", ModuleFiles: []string{"go.mod", "go.sum"}, Vendor: "vendor", Sources: []string{"."},
			Env: []string{"CGO_ENABLED=1", "CC=clang -O2"}, Args: []string{"build", "-trimpath"}, Package: ".",
		},
		System: []dockerfile.Section{{Title: "The shared libraries.", Commands: []dockerfile.Command{
			{Comment: "needed by /sqlite (ld.so.cache)", Line: "cp --parents -t /rootfs /usr/lib/arm-linux-gnueabihf/libc.so.6"},
		}}},
		Run:    dockerfile.Run{Entrypoint: []string{"/sqlite"}, User: "65534:65534"},
		Ignore: dockerfile.Unignored{Go: []string{"**/*.go"}, Paths: []string{"vendor"}},
	}
}

// elsewhere returns a program that was built before and has no sources.
func elsewhere() dockerfile.Spec {
	return dockerfile.Spec{
		Name: "app", GoVersion: "1.24", Suite: "bookworm", Program: dockerfile.Program{Path: "/usr/bin/app", Built: "target/release/app"}, Capabilities: "cap_net_raw=ep",
		Run: dockerfile.Run{Entrypoint: []string{"/usr/bin/app"}}, Ignore: dockerfile.Unignored{Paths: []string{"target/release/app"}},
	}
}

func TestGolden(t *testing.T) {
	for name, spec := range map[string]dockerfile.Spec{"static": static(), "libraries": libraries(), "elsewhere": elsewhere()} {
		t.Run(name, func(t *testing.T) {
			text, err := dockerfile.Dockerfile(spec)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".Dockerfile", text)
			golden(t, name+".dockerignore", dockerfile.Ignore(spec))
			for range 3 { // map iteration order is random
				if again, err := dockerfile.Dockerfile(spec); err != nil || again != text {
					t.Fatalf("the same Spec gives different texts (%v)", err)
				}
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

// A value that no line of a Dockerfile can express is rejected, and not split into two instructions.
func TestLines(t *testing.T) {
	for name, change := range map[string]func(*dockerfile.Spec){
		"variable": func(s *dockerfile.Spec) { s.Run.Env = []string{"A=b\nUSER 0"} },
		"label":    func(s *dockerfile.Spec) { s.Run.Labels["a"] = "b\nUSER 0" },
		"flag":     func(s *dockerfile.Spec) { s.Program.Args = []string{"-tags=a\nb"} },
		"file":     func(s *dockerfile.Spec) { s.Files.Copies[0].From = "a\nb" },
		"workdir":  func(s *dockerfile.Spec) { s.Run.Workdir = "/a\rb" },
		"command": func(s *dockerfile.Spec) {
			s.Files.Commands = []dockerfile.Command{{Line: "chmod 0644 " + dockerfile.Shell("/a\nUSER 0")}}
		},
		"folder":  func(s *dockerfile.Spec) { s.Program.Sources = []string{"a\nUSER 0"} },
		"package": func(s *dockerfile.Spec) { s.Packages = []dockerfile.Package{{Name: "a\nUSER 0"}} },
	} {
		t.Run(name, func(t *testing.T) {
			spec := static()
			change(&spec)
			if _, err := dockerfile.Dockerfile(spec); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "fix: ") {
				t.Errorf("the error is %v, want one that names the %s, and a fix", err, name)
			}
		})
	}
}

// A comment stays a comment, whatever names it contains.
func TestComments(t *testing.T) {
	spec := static()
	spec.Packages = []dockerfile.Package{{Name: "libx", Version: "1\nUSER 0", Why: "of /x\nUSER 0\x1b[2J"}}
	spec.Notes = append(spec.Notes, "of \x1b[2J/x")
	spec.System = append(spec.System, dockerfile.Section{Title: "All of\nUSER 0", Commands: []dockerfile.Command{
		{Comment: "on the way to /x\nUSER 0", Line: "true"}, {Comment: "on the way to /y\nUSER 0", Line: "true"},
	}})
	text, err := dockerfile.Dockerfile(spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "USER 0") || strings.Contains(line, "\x1b") {
			t.Errorf("a comment has become the line %q", line)
		}
	}
}

func TestShell(t *testing.T) {
	for word, want := range map[string]string{
		"-trimpath": "-trimpath", "-ldflags=-s -w": `-ldflags="-s -w"`, "it's": `'it'\''s'`, "$HOME": `'$HOME'`, "": "''", "a\\b": `'a\b'`, "-X=`id`": "'-X=`id`'",
	} {
		if got := dockerfile.Shell(word); got != want {
			t.Errorf("%q becomes %s, want %s", word, got, want)
		}
	}
}

// Write overwrites only its own files: neither an edited one nor a link. It writes all of several files, or none.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "Dockerfile"), filepath.Join(dir, ".dockerignore")
	write := func(text string) error {
		return dockerfile.Write(dockerfile.File{Path: a, Text: text}, dockerfile.File{Path: b, Text: text})
	}
	read := func(path string) string {
		t.Helper()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	for _, text := range []string{"one\n", "one\n", "two\n"} {
		if err := write(text); err != nil {
			t.Fatal(err)
		}
		if first, rest, _ := strings.Cut(read(a), "\n"); !strings.HasPrefix(first, "# Written by fromscratch: mage imageDockerfile.") || rest != text {
			t.Fatalf("the file is %q", read(a))
		}
	}
	// As git checks the file out on Windows.
	if err := os.WriteFile(a, []byte(strings.ReplaceAll(read(a), "\n", "\r\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write("three\n"); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		change func() error
		edited bool
	}{
		{"edited", func() error { return os.WriteFile(b, []byte(read(b)+"mine\n"), 0o644) }, true},
		{"theirs", func() error { return os.WriteFile(b, []byte("mine\n"), 0o644) }, false},
		{"empty", func() error { return os.WriteFile(b, nil, 0o644) }, false},
		{"link", func() error { return errors.Join(os.Remove(b), os.Symlink(a, b)) }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := row.change(); err != nil {
				t.Fatal(err)
			}
			before := read(b)
			err := write("four\n")
			var foreign *dockerfile.ForeignError
			if !errors.As(err, &foreign) || foreign.Path != b || foreign.Edited != row.edited || !strings.Contains(err.Error(), "\nfix: ") {
				t.Errorf("the error is %v", err)
			}
			if read(b) != before || !strings.HasSuffix(read(a), "\nthree\n") {
				t.Error("a file was changed")
			}
		})
	}
	rest, err := filepath.Glob(filepath.Join(dir, ".*.*"))
	if err != nil || len(rest) != 0 {
		t.Errorf("left behind: %q (%v)", rest, err)
	}
}
