package assemble

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// planned is the plan of an image without certificates of this machine.
func planned(root string) plan.Image {
	return plan.Image{Name: "app", Root: root, Origin: "magefile.go:9", Files: rootfs.Spec{
		Program: "/app", Dir: root, Certificates: rootfs.Certificates{OnlyExtra: true},
	}}
}

// treeOf assembles a tree with executables and plain files.
func treeOf(t *testing.T, entries map[string]fs.FileMode) *rootfs.Tree {
	t.Helper()
	var tree rootfs.Tree
	for path, mode := range entries {
		e := rootfs.Entry{Path: path, Mode: mode, Reason: "test"}
		if mode.IsRegular() {
			e.Source = rootfs.Bytes(nil)
		}
		if err := tree.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return &tree
}

// The Config is checked without a program: only mistakes of the user are errors of the Config.
func TestCheck(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "page"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		file rootfs.File
		want string // in the error, "" for none
	}{
		{"a file", rootfs.File{From: "page", To: "/srv/page"}, ""},
		{"a missing file", rootfs.File{From: "pages", To: "/srv/page"}, "assembling the files of the Config (magefile.go:9): "},
		{"in the program's place", rootfs.File{From: "page", To: "/app"}, "/app"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := planned(root)
			p.Files.Files = []rootfs.File{row.file}
			err := Check(context.Background(), p)
			var config *report.ConfigError
			if (err == nil) != (row.want == "") || err != nil && (!errors.As(err, &config) || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("error %v, want %q of the Config", err, row.want)
			}
		})
	}
	p := planned(root)
	p.Files.Files = []rootfs.File{{From: "page", To: "/srv/page"}}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var config *report.ConfigError
	if err := Check(ctx, p); err == nil || errors.As(err, &config) {
		t.Errorf("interrupted, the error is %v", err)
	}
}

// self is the test binary as a program: it has the functions that look for zones, MIME types, a cache folder and other programs.
func self(t *testing.T) compile.Program {
	t.Helper()
	if len(os.Args) == 0 { // never: the linker keeps the functions
		fmt.Println(time.LoadLocation("UTC"))
		fmt.Println(mime.TypeByExtension(".html"))
		fmt.Println(os.UserCacheDir())
		fmt.Println(os.StartProcess("", nil, nil))
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile.Read(gobuild.Binary{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSpec(t *testing.T) {
	further := []rootfs.Entry{{Path: "/licences"}}
	p := planned(t.TempDir())
	plain := Spec(p, compile.Program{}, further)
	if plain.Program != "" || len(plain.Further) != 1 || plain.Timezones != nil || plain.MIMEFor+plain.CacheFor+plain.ZonesFor != "" {
		t.Errorf("for a program that is not Go's: %+v", plain)
	}
	program := self(t)
	full := Spec(p, program, nil)
	if len(full.Timezones) != 1 || full.Timezones[0] != "all" || !strings.Contains(full.ZonesFor, "time.LoadLocation") {
		t.Errorf("the zones are %q, for %q", full.Timezones, full.ZonesFor)
	}
	if !strings.Contains(full.MIMEFor, "mime.") || !strings.Contains(full.CacheFor, "os.UserCacheDir") {
		t.Errorf("MIME types are for %q, the cache folder for %q", full.MIMEFor, full.CacheFor)
	}
	p.Files.Timezones = []string{"Europe/Berlin"}
	if own := Spec(p, program, nil); len(own.Timezones) != 1 || own.Timezones[0] != "Europe/Berlin" || own.ZonesFor != "" {
		t.Errorf("the zones of the Config became %q, for %q", own.Timezones, own.ZonesFor)
	}
}

// A program that starts others gets a warning, unless the base has a shell for them.
func TestNoPrograms(t *testing.T) {
	program := self(t)
	scratch, onBase := planned(t.TempDir()), planned(t.TempDir())
	onBase.Base, onBase.BaseName = &base.Base{}, "alpine"
	empty, shell := treeOf(t, nil), treeOf(t, map[string]fs.FileMode{"/bin/sh": 0o755})
	for _, row := range []struct {
		name    string
		plan    plan.Image
		program compile.Program
		tree    *rootfs.Tree
		want    string // end of the only note, "" for none
	}{
		{"from scratch", scratch, program, empty, ", and the image has no shell and no other programs"},
		{"on a base without a shell", onBase, program, empty, ", and the base alpine has no shell"},
		{"on a base with a shell", onBase, program, shell, ""},
		{"a program that starts none", scratch, compile.Program{}, empty, ""},
	} {
		notes := NoPrograms(row.plan, row.program, row.tree)
		if len(notes) > 1 || (len(notes) == 1) != (row.want != "") || len(notes) == 1 && (!strings.HasPrefix(notes[0], "warning: ") || !strings.HasSuffix(notes[0], row.want)) {
			t.Errorf("%s: the notes are %q, want one that ends with %q", row.name, notes, row.want)
		}
	}
}

// A command is looked for as execve(2) of the engine does: by PATH, from the working directory, or by its whole path.
func TestCommands(t *testing.T) {
	tree := treeOf(t, map[string]fs.FileMode{
		"/app": 0o755, "/opt/bin/tool": 0o711, "/usr/bin/other": 0o755, "/etc/conf": 0o644, "/srv/run": 0o755, "/usr/bin/folder": fs.ModeDir | 0o755,
	})
	for _, row := range []struct {
		name    string
		command string
		path    string // the variable of the image
		want    string // in the error, "" for none
	}{
		{"whole path", "/app", "", ""},
		{"whole path that is missing", "/bin/app", "", "it is not in the image"},
		{"whole path of a file without x", "/etc/conf", "", "it is no executable file (-rw-r--r--)"},
		{"by the default PATH", "other", "", ""},
		{"not in the default PATH", "tool", "", "it is not in the image"},
		{"by the image's PATH", "tool", "/sbin:/opt/bin", ""},
		{"not in the image's PATH", "other", "/opt/bin", "it is not in the image"},
		{"a folder", "folder", "", "it is no executable file (drwxr-xr-x)"},
		{"from the working directory", "./run", "", ""},
		{"above the working directory", "../app", "", ""},
		{"not in the working directory", "./app", "", "it is not in the image"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for field, config := range map[string]image.Config{
				"Entrypoint":  {Entrypoint: []string{row.command, "-v"}},
				"Healthcheck": {Healthcheck: &image.Healthcheck{Test: []string{row.command}}},
			} {
				p := planned("")
				p.Config = config
				p.Config.Workdir = "/srv"
				if row.path != "" {
					p.Config.Env = []string{"PATH=" + row.path}
				}
				err := Commands(p, tree)
				var wrong *report.ConfigError
				switch {
				case row.want == "":
					if err != nil {
						t.Errorf("%s: %v", field, err)
					}
				case !errors.As(err, &wrong) || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), field+" of the Config (magefile.go:9)") ||
					!strings.Contains(err.Error(), "\nfix: name /app or an executable"):
					t.Errorf("%s: error %v, want %q", field, err, row.want)
				}
			}
		})
	}
	if err := Commands(planned(""), tree); err != nil {
		t.Errorf("without a command: %v", err)
	}
}

// Notes name those that a container lacks by default, that root has anyway, and that the kernel ignores.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	p := planned(t.TempDir())
	add := func(tree *rootfs.Tree, path, content string, c rootfs.Capabilities) {
		t.Helper()
		if err := tree.Add(rootfs.Entry{Path: path, Mode: 0o755, Capabilities: c, Source: rootfs.Bytes([]byte(content))}); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(names ...string) rootfs.Capabilities {
		t.Helper()
		c, err := rootfs.ParseCapabilities(names)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	p.Files.Capabilities = parse(dockerCapabilities...)
	tree := &rootfs.Tree{}
	add(tree, "/app", "\x7fELF", p.Files.Capabilities)
	add(tree, "/plain.sh", "#!/bin/sh", 0)
	if notes := Capabilities(p, tree); len(notes) > 0 {
		t.Errorf("what every container has: %q", notes)
	}
	add(tree, "/vpn", "\x7fELF", parse("net_raw", "net_admin", "sys_admin"))
	add(tree, "/run.sh", "#!/bin/sh", parse("net_raw"))
	p.Files.User = rootfs.User{Name: "root"}
	notes := Capabilities(p, tree)
	for i, want := range []string{
		"warning: /run.sh is a script, and the kernel ignores the Capabilities of scripts\nfix: ",
		"warning: /vpn has cap_net_admin and cap_sys_admin, which engines give to no container by default: the kernel does not start it there (operation not permitted)\nfix: run the image with --cap-add=NET_ADMIN,SYS_ADMIN, in Kubernetes with securityContext.capabilities.add",
		"warning: Capabilities (magefile.go:9) change nothing for root",
	} {
		if len(notes) != 3 || !strings.HasPrefix(notes[i], want) {
			t.Fatalf("the notes are %q, want %q", notes, want)
		}
	}
}

func TestWrite(t *testing.T) {
	p := planned(t.TempDir())
	tree := treeOf(t, map[string]fs.FileMode{"/app": 0o755, "/srv": fs.ModeDir | 0o755})
	if err := tree.Add(rootfs.Entry{Path: "/srv/page", Mode: 0o644, Size: 1500, Reason: "test", Source: rootfs.Bytes(make([]byte, 1500))}); err != nil {
		t.Fatal(err)
	}
	var last report.Event
	if err := Write(context.Background(), p, tree, func(e report.Event) { last = e }); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(p.Root, "dist/app/rootfs/srv/page")); err != nil || info.Size() != 1500 {
		t.Errorf("the file has another size (%v)", err)
	}
	if want := "2 files, 1.5 kB in "; last.State != report.Done || last.Step != "rootfs" || !strings.HasPrefix(last.Text, want) {
		t.Errorf("the report is %+v, want %q", last, want)
	}
}

// A program that captures packets needs a capability that only root has by itself. Its functions are those that cgo makes for libpcap, whether
// that is linked statically or not.
func TestRawSockets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.com/capture\n\ngo 1.23\n",
		"main.go": "package main\n\nimport \"os\"\n\n//go:noinline\nfunc _Cfunc_pcap_activate(n int) int { return n }\n\nfunc main() { os.Exit(_Cfunc_pcap_activate(len(os.Args))) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", "capture", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := compile.Read(gobuild.Binary{Path: filepath.Join(dir, "capture")})
	if err != nil {
		t.Fatal(err)
	}
	p := planned(dir)
	if notes := RawSockets(p, program); len(notes) != 1 || !strings.Contains(notes[0], "main._Cfunc_pcap_activate is linked") || !strings.Contains(notes[0], "\nfix: set Capabilities to \"cap_net_raw\"") {
		t.Errorf("%q", notes)
	}
	p.Files.Capabilities = 1 << 13
	if notes := RawSockets(p, program); len(notes) > 0 {
		t.Errorf("with the capability: %q", notes)
	}
	p.Files.Capabilities = 0
	p.Files.User = rootfs.User{Name: "root"}
	if notes := RawSockets(p, program); len(notes) > 0 {
		t.Errorf("as root: %q", notes)
	}
}
