package watch

import (
	"fmt"
	"os"
	"time"
)

// each is the cases of what happens to files, and of what is reported.
var each = []struct {
	name  string
	files []string
	paths func(p *project) Paths
	do    func(p *project)
	want  []string
	may   []string
}{
	{name: "written", files: []string{"a/a.go", "a/b.go"}, do: func(p *project) { p.write("a/a.go", "package y") }, want: []string{"a/a.go"}},
	{name: "created", files: []string{"a/a.go"}, do: func(p *project) { p.write("a/b.go", "package x") }, want: []string{"a/b.go"}},
	{name: "removed", files: []string{"a/a.go", "a/b.go"}, do: func(p *project) { p.remove("a/b.go") }, want: []string{"a/b.go"}},
	{name: "renamed", files: []string{"a/a.go"}, do: func(p *project) { p.rename("a/a.go", "a/b.go") }, want: []string{"a/a.go", "a/b.go"}},
	{name: "moved in", files: []string{"a/a.go", "c.go"}, do: func(p *project) { p.rename("c.go", "a/c.go") }, want: []string{"a/c.go"}},
	{name: "mode", files: []string{"a/a.go"}, do: func(p *project) { p.do(os.Chmod(p.path("a/a.go"), 0o600)) }, want: []string{"a/a.go"}},
	{name: "touched", files: []string{"a/a.go"}, do: func(p *project) {
		p.do(os.Chtimes(p.path("a/a.go"), time.Time{}, time.Now().Add(time.Hour)))
	}, want: []string{"a/a.go"}},
	{name: "same size and time", files: []string{"a/a.go"}, do: func(p *project) {
		info, err := os.Stat(p.path("a/a.go"))
		p.do(err)
		p.write("a/a.go", "package y")
		p.do(os.Chtimes(p.path("a/a.go"), time.Time{}, info.ModTime()))
	}, want: []string{"a/a.go"}},
	{name: "vim", files: []string{"a/a.go"}, do: func(p *project) {
		p.write("a/.a.go.swp", "swap")
		p.write("a/4913", "")
		p.remove("a/4913")
		p.rename("a/a.go", "a/a.go~")
		p.write("a/a.go", "package y")
		p.remove("a/a.go~")
		p.remove("a/.a.go.swp")
	}, want: []string{"a/a.go"}},
	{name: "renamed over from a temporary file", files: []string{"a/a.go"}, do: func(p *project) {
		p.write("a/a.go.tmp.1234", "package y")
		p.rename("a/a.go.tmp.1234", "a/a.go")
	}, want: []string{"a/a.go"}, may: []string{"a/a.go.tmp.1234"}},
	{name: "renamed over again and again", files: []string{"a/a.go"}, do: func(p *project) {
		for i := range 5 {
			p.write("a/new", fmt.Sprint("package y", i))
			p.rename("a/new", "a/a.go")
			time.Sleep(30 * time.Millisecond)
		}
	}, want: []string{"a/a.go"}, may: []string{"a/new"}},
	{name: "JetBrains", files: []string{"a/a.go"}, do: func(p *project) {
		p.write("a/a.go___jb_tmp___", "package y")
		p.rename("a/a.go", "a/a.go___jb_old___")
		p.rename("a/a.go___jb_tmp___", "a/a.go")
		p.remove("a/a.go___jb_old___")
	}, want: []string{"a/a.go"}},
	{name: "came and went", files: []string{"a/a.go"}, do: func(p *project) {
		p.write("a/temporary", "x")
		p.remove("a/temporary")
	}, may: []string{"a/temporary"}},
	{name: "folder in a folder", files: []string{"a/a.go"}, do: func(p *project) { p.write("a/b/b.go", "package b") }, want: []string{"a/b"}},
	{name: "next to a file", files: []string{"go.mod", "a/a.go"}, do: func(p *project) { p.write("other", "x") }},
	{name: "a file", files: []string{"go.mod", "a/a.go"}, do: func(p *project) { p.write("go.mod", "module x") }, want: []string{"go.mod"}},
	{name: "a file created", files: []string{"a/a.go"}, do: func(p *project) { p.write("go.mod", "module x") }, want: []string{"go.mod"}},
	{name: "folder removed", files: []string{"a/a.go"}, do: func(p *project) { p.remove("a") }, want: []string{"a/a.go"}},
	{name: "folder created", do: func(p *project) { p.write("a/a.go", "package a") }, want: []string{"a/a.go"}},
	{name: "folder removed and created", files: []string{"a/a.go"}, do: func(p *project) {
		p.remove("a")
		time.Sleep(50 * time.Millisecond)
		p.write("a/b.go", "package a")
	}, want: []string{"a/a.go", "a/b.go"}},
	{name: "folder replaced at once", files: []string{"a/a.go", "new/a.go", "new/b.go"}, do: func(p *project) {
		p.write("new/a.go", "package replaced")
		p.rename("a", "old")
		p.rename("new", "a")
	}, want: []string{"a/a.go", "a/b.go"}},
	{name: "folder above replaced", files: []string{"m/p/q/a.go", "n/p/q/a.go"},
		paths: func(p *project) Paths { return Paths{Dirs: p.paths("m/p/q", "m")} },
		do: func(p *project) {
			p.write("n/p/q/a.go", "package replaced")
			p.rename("m", "old")
			p.rename("n", "m")
		}, want: []string{"m/p/q/a.go"}},
	{name: "folder created far below", paths: func(p *project) Paths { return Paths{Dirs: p.paths("m/p/q"), Files: p.paths("m/p/go.mod")} },
		do: func(p *project) { p.write("m/p/q/a.go", "package a") }, want: []string{"m/p/q/a.go"}},
	{name: "tree", files: []string{"t/a.txt", "t/u/b.txt"}, paths: func(p *project) Paths { return Paths{Trees: p.paths("t")} },
		do: func(p *project) {
			p.write("t/u/b.txt", "changed")
			p.write("t/v/w/c.txt", "new")
		}, want: []string{"t/u/b.txt", "t/v", "t/v/w", "t/v/w/c.txt"}},
	{name: "tree that is a file", files: []string{"t/a.txt", "t/b.txt"}, paths: func(p *project) Paths { return Paths{Trees: p.paths("t/a.txt")} },
		do: func(p *project) {
			p.write("t/new", "changed")
			p.rename("t/new", "t/a.txt")
		}, want: []string{"t/a.txt"}},
	{name: "folder of a tree renamed", files: []string{"t/u/w/a.txt"}, paths: func(p *project) Paths { return Paths{Trees: p.paths("t")} },
		do: func(p *project) {
			p.rename("t/u", "t/v")
			time.Sleep(50 * time.Millisecond)
			p.write("t/v/w/b.txt", "new")
			time.Sleep(50 * time.Millisecond)
			p.write("t/v/w/b.txt", "newer")
		}, want: []string{"t/u", "t/u/w", "t/u/w/a.txt", "t/v", "t/v/w", "t/v/w/a.txt", "t/v/w/b.txt"}},
	{name: "ignored", files: []string{"t/a.txt"}, paths: func(p *project) Paths {
		return Paths{Trees: p.paths("t"), Ignore: append(p.paths("t/dist"), "*.log", "node_modules", "mage_output_file.go")}
	},
		do: func(p *project) {
			p.write("t/dist/app/rootfs/file", "x")
			p.write("t/u/server.log", "x")
			p.write("t/u/node_modules/x/index.js", "x")
			p.write("t/mage_output_file.go", "x")
			p.write("t/u/.server.go.swp", "x")
			p.write("t/#a.txt#", "x")
		}, want: []string{"t/u"}},
	{name: "a file of an ignored name", files: []string{"dist/x.log"}, paths: func(p *project) Paths {
		return Paths{Files: p.paths("dist/x.log"), Ignore: []string{"*.log", "dist"}}
	}, do: func(p *project) { p.write("dist/x.log", "y") }, want: []string{"dist/x.log"}},
}
