package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// project makes a folder like a user's project.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "web/dist/index.html", "<html>", 0o600)
	write(t, dir, "web/dist/js/app.js", "js", 0o664)
	write(t, dir, "web/dist/js/run.sh", "#!", 0o700)
	write(t, dir, "conf/a.conf", "a", 0o644)
	write(t, dir, "conf/b.conf", "b", 0o644)
	write(t, dir, "conf/[id].html", "id", 0o644)
	write(t, dir, "[odd]/x.txt", "x", 0o644)
	write(t, dir, "solo/only.txt", "o", 0o644)
	write(t, dir, "many/one/f", "1", 0o644)
	write(t, dir, "many/two/f", "2", 0o644)
	write(t, dir, "linked/sub/f", "f", 0o644)
	symlink(t, "sub/f", filepath.Join(dir, "linked/rel"))
	symlink(t, "sub", filepath.Join(dir, "linked/dir"))
	symlink(t, "../linked/sub/../rel", filepath.Join(dir, "outer"))
	symlink(t, "../none", filepath.Join(dir, "linked/sub/dangling"))
	symlink(t, "web/dist", filepath.Join(dir, "latest"))
	if err := os.MkdirAll(filepath.Join(dir, "web/dist/empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "outer")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFiles(t *testing.T) {
	dir := project(t)
	tests := []struct {
		name string
		file File
		at   string
		want string
	}{
		{"a file to a path", File{From: "conf/a.conf", To: "/opt/x.conf"}, "/opt", `
			/opt folder 0755 0:0 files
			/opt/x.conf file 0644 0:0 files`},
		{"a file into a folder", File{From: "conf/a.conf", To: "/opt/"}, "/opt", `
			/opt folder 0755 0:0 files
			/opt/a.conf file 0644 0:0 files`},
		{"a file into the root", File{From: "conf/a.conf", To: "/"}, "/a.conf", `
			/a.conf file 0644 0:0 files`},
		{"absolute", File{From: filepath.Join(dir, "conf/a.conf"), To: "/opt/"}, "/opt/a.conf", `
			/opt/a.conf file 0644 0:0 files`},
		{"a folder", File{From: "web/dist", To: "/srv/www"}, "/srv", `
			/srv folder 0755 0:0 files
			/srv/www folder 0755 0:0 files
			/srv/www/empty folder 0755 0:0 files
			/srv/www/index.html file 0644 0:0 files
			/srv/www/js folder 0755 0:0 files
			/srv/www/js/app.js file 0644 0:0 files
			/srv/www/js/run.sh file 0755 0:0 files`},
		{"a folder, with slashes", File{From: "solo/", To: "/srv/"}, "/srv", `
			/srv folder 0755 0:0 files
			/srv/only.txt file 0644 0:0 files`},
		{"a link to a folder is followed", File{From: "latest", To: "/srv"}, "/srv/index.html", `
			/srv/index.html file 0644 0:0 files`},
		{"a link to a file is followed", File{From: "linked/rel", To: "/srv/"}, "/srv/rel", `
			/srv/rel file 0644 0:0 files`},
		{"owner and mode", File{From: "web/dist", To: "/srv", Owner: "web", Mode: 0o640}, "/srv", `
			/srv folder 0750 1001:33 files
			/srv/empty folder 0750 1001:33 files
			/srv/index.html file 0640 1001:33 files
			/srv/js folder 0750 1001:33 files
			/srv/js/app.js file 0640 1001:33 files
			/srv/js/run.sh file 0640 1001:33 files`},
		{"setuid as chmod writes it", File{From: "web/dist/js", To: "/srv", Mode: 0o4755}, "/srv", `
			/srv folder 0755 0:0 files
			/srv/app.js file 4755 0:0 files
			/srv/run.sh file 4755 0:0 files`},
		{"a pattern that matches several files", File{From: "conf/*.conf", To: "/opt"}, "/opt", `
			/opt folder 0755 0:0 files
			/opt/a.conf file 0644 0:0 files
			/opt/b.conf file 0644 0:0 files`},
		{"a pattern that matches one file", File{From: "solo/*.txt", To: "/opt"}, "/opt", `
			/opt file 0644 0:0 files`},
		{"a pattern that matches one file, into a folder", File{From: "solo/*.txt", To: "/opt/"}, "/opt", `
			/opt folder 0755 0:0 files
			/opt/only.txt file 0644 0:0 files`},
		{"a pattern that matches folders", File{From: "many/*", To: "/opt"}, "/opt", `
			/opt folder 0755 0:0 files
			/opt/one folder 0755 0:0 files
			/opt/one/f file 0644 0:0 files
			/opt/two folder 0755 0:0 files
			/opt/two/f file 0644 0:0 files`},
		{"a pattern up and down", File{From: "conf/../*/only.tx?", To: "/opt/"}, "/opt/only.txt", `
			/opt/only.txt file 0644 0:0 files`},
		{"a name that looks like a pattern", File{From: "conf/[id].html", To: "/opt/"}, "/opt/[id].html", `
			/opt/[id].html file 0644 0:0 files`},
		{"links stay links", File{From: "linked", To: "/opt"}, "/opt", `
			/opt folder 0755 0:0 files
			/opt/dir link to sub files
			/opt/rel link to sub/f files
			/opt/sub folder 0755 0:0 files
			/opt/sub/dangling link to ../none files
			/opt/sub/f file 0644 0:0 files`},
		{"into the data folder, which keeps its owner", File{From: "solo", To: "/data"}, "/data", `
			/data folder 0755 65534:65534 system
			/data/only.txt file 0644 0:0 files`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bareSpec()
			s.Dir, s.Users, s.Files = dir, someUsers, []File{tt.file}
			want(t, lines(assemble(t, s), tt.at), tt.want)
		})
	}
}

// The folder that contains a pattern may itself look like a pattern.
func TestFilesInOddFolder(t *testing.T) {
	s := bareSpec()
	s.Dir, s.Files = filepath.Join(project(t), "[odd]"), []File{{From: "*.txt", To: "/opt/"}}
	want(t, lines(assemble(t, s), "/opt/x.txt"), "/opt/x.txt file 0644 0:0 files")
}

func TestFilesOverlay(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "root/etc/app.conf", "conf", 0o644)
	write(t, dir, "root/lib/plugin.so", "so", 0o755)
	write(t, dir, "root/tmp/seed", "s", 0o644)
	s := bareSpec()
	s.Dir, s.Files = dir, []File{{From: "root", To: "/"}}
	s.Sysroot, s.Closure = usrMerged(t)
	want(t, lines(assemble(t, s), "/lib", "/tmp", "/etc/app.conf", "/usr/lib/plugin.so"), `
		/etc/app.conf file 0644 0:0 files
		/lib link to usr/lib system
		/tmp folder 1777 0:0 system
		/tmp/seed file 0644 0:0 files
		/usr/lib/plugin.so file 0755 0:0 files`)
}

func TestFilesReason(t *testing.T) {
	s := bareSpec()
	s.Dir, s.Files = project(t), []File{{From: "solo", To: "/a", Reason: "magefile.go:16"}, {From: "solo", To: "/b"}}
	tree := assemble(t, s)
	for p, reason := range map[string]string{"/a/only.txt": "magefile.go:16", "/a": "magefile.go:16", "/b/only.txt": "one of Files"} {
		if e, _ := tree.Lookup(p); e.Reason != reason {
			t.Errorf("the reason of %s is %q, want %q", p, e.Reason, reason)
		}
	}
}

func TestFilesRefused(t *testing.T) {
	dir := project(t)
	write(t, dir, "bad/file", "x", 0o644)
	binary := write(t, dir, "dist/app/rootfs/app", "x", 0o755)
	for name, target := range map[string]string{
		"abs/l": "/etc/passwd", "up/l": "../x", "deep/a/l": "../../x",
		"chain/l": "d/../../x", "chain/d": "a/b", "chain/a/b/c": ".",
		"sneaky/a/b/c/d": "../../..", "sneaky/e": "a/b/c/d/../x",
		"via/out": "/etc", "circle/a": "b", "circle/b": "a", "top": "nowhere",
	} {
		symlink(t, target, filepath.Join(dir, name))
	}
	tests := []struct {
		name string
		file File
		says []string
	}{
		{"no From", File{To: "/x"}, []string{"the source From is empty", "fix: name a file"}},
		{"no To", File{From: "solo"}, []string{"the target To is empty", "fix: write it like"}},
		{"relative To", File{From: "solo", To: "x"}, []string{`the target "x" is not absolute`, "fix: write it like"}},
		{"To with ..", File{From: "solo", To: "/a/../b"}, []string{`the target "/a/../b" has`, "fix: write it like"}},
		{"To with //", File{From: "solo", To: "/a//b"}, []string{`the target "/a//b" has`, "fix: write it like"}},
		{"missing", File{From: "nope", To: "/x", Reason: "magefile.go:9"},
			[]string{`copying "nope" (magefile.go:9): reading "` + filepath.Join(dir, "nope") + `": no such file`, "fix: create it, or correct From"}},
		{"a file as folder", File{From: "solo/only.txt/x", To: "/x"}, []string{"not a directory", "fix: create it"}},
		{"empty pattern", File{From: "solo/*.css", To: "/x"},
			[]string{`no file in "` + filepath.Join(dir, "solo") + `" matches "*.css"`, "fix: create the files, or correct the pattern"}},
		{"bad pattern", File{From: "solo/[x", To: "/x"}, []string{"syntax error in pattern", "fix: write it as filepath.Match"}},
		{"owner", File{From: "solo", To: "/x", Owner: "alice"}, []string{`reading owner "alice": the user "alice" is not one of ["root" "nobody"]`, "fix: write"}},
		{"over a system file", File{From: "solo/only.txt", To: "/etc/passwd", Reason: "magefile.go:9"},
			[]string{`(magefile.go:9): adding "/etc/passwd": the path is taken by another file 0644 0:0 (names the image's users)`, "fix: leave one"}},
		{"over a folder", File{From: "solo/only.txt", To: "/etc"}, []string{`"/etc" is a folder of the image`, `fix: write To as "/etc/"`}},
		{"below a file", File{From: "solo/only.txt", To: "/etc/passwd/x"}, []string{`"/etc/passwd" is a file`, "fix: leave one"}},
		{"another owner for a folder", File{From: "solo", To: "/data", Owner: "7"},
			[]string{`adding "/data": the path is taken by another folder 0755 65534:65534`, "fix: leave one"}},
		{"absolute link", File{From: "abs", To: "/x"}, []string{`the link "l" leads to "/etc/passwd": it is absolute`, "fix: make the link relative"}},
		{"link up", File{From: "up", To: "/x"}, []string{`"l" leads to "../x": it leaves the folder`, "fix: make the link relative"}},
		{"link up from below", File{From: "deep", To: "/x"}, []string{`"a/l" leads to "../../x": it leaves the folder`, "fix: make the link relative"}},
		{"link that only seems to stay inside", File{From: "sneaky", To: "/x"}, []string{`"e" leads to "a/b/c/d/../x": it leaves the folder`, "fix: make the link relative"}},
		{"link in a circle", File{From: "circle", To: "/x"}, []string{"leads back to itself", "fix: make the link relative"}},
		{"link to nowhere", File{From: "top", To: "/x"}, []string{"no such file", "fix: correct the link"}},
		{"its own program", File{From: ".", To: "/x"}, []string{`own program in it, "dist/app/rootfs/app"`, "fix: name the folders and files"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bareSpec()
			s.Dir, s.Program, s.Binary, s.Files = dir, "/app", binary, []File{tt.file}
			_, err := Assemble(context.Background(), s)
			wantError(t, err, tt.says...)
		})
	}
	t.Run("a link that only seems to leave", func(t *testing.T) {
		s := bareSpec()
		s.Dir, s.Files = dir, []File{{From: "chain", To: "/x"}}
		want(t, lines(assemble(t, s), "/x/l"), "/x/l link to d/../../x files")
	})
}

func TestFilesConflict(t *testing.T) {
	s := bareSpec()
	s.Dir = project(t)
	s.Files = []File{{From: "conf/a.conf", To: "/x", Reason: "here"}, {From: "conf/b.conf", To: "/x", Reason: "there"}}
	_, err := Assemble(context.Background(), s)
	wantError(t, err, `copying "conf/b.conf" (there)`, "(here)", "fix: leave one")
}

func TestFilesCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a, err := bareSpec().begin()
	if err != nil {
		t.Fatal(err)
	}
	a.Dir, a.Files = project(t), []File{{From: "web", To: "/x"}}
	if err := a.addFiles(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Modes depend only on the owner's x bit, so the umask does not show.
func TestFilesModesWithoutUmask(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]fs.FileMode{"a": 0o600, "b": 0o666, "c": 0o400, "d": 0o700, "e": 0o777, "f": 0o744, "g": 0o655} {
		write(t, dir, name, "", mode)
	}
	s := bareSpec()
	s.Dir, s.Files = dir, []File{{From: "?", To: "/x"}}
	got := strings.NewReplacer(" file ", " ", " 0:0 files", "").Replace(lines(assemble(t, s), "/x"))
	want(t, got, "/x folder 0755\n/x/a 0644\n/x/b 0644\n/x/c 0644\n/x/d 0755\n/x/e 0755\n/x/f 0755\n/x/g 0644")
}
