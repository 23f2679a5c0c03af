package main

import (
	"context"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// way is one way from the source to an image in the engine.
type way struct {
	name  string // name for -ways
	title string // title in the tables
	// ours: a failure ends the measurement. A failure of another way is noted below the table.
	ours    bool
	targets bool // the module has a magefile
	program bool // builds only the program, no image
	// bare: the image contains only the program, so a program with shared libraries does not start.
	bare    bool
	prepare func(*site, context.Context) error // may be nil
	build   func(*site, context.Context) error // the timed build
}

// The names of the ways that all others are compared to.
const (
	wayBuild = "build"
	wayFloor = "floor"
)

func ways() []way {
	return []way{
		{name: wayBuild, title: "go build alone", ours: true, program: true, build: (*site).goBuildAlone},
		{name: wayFloor, title: "floor: go build + one own layer + load", ours: true, bare: true, build: (*site).floor},
		{name: "compiled", title: "fromscratch: compiled magefile", ours: true, targets: true, prepare: (*site).compileMagefile, build: (*site).imageByCompiled},
		{name: "tool", title: "fromscratch: go tool mage image", ours: true, targets: true, build: (*site).imageByTool},
		{name: "classic", title: "go build + COPY, classic builder", bare: true, prepare: (*site).copyBinary, build: (*site).classic},
		{name: "buildkit", title: "go build + COPY, BuildKit", bare: true, prepare: (*site).copyBinaryByBuildKit, build: (*site).buildKit},
		{name: "stages", title: "multi-stage, BuildKit, cache mounts", bare: true, prepare: (*site).writeStages, build: (*site).stages},
		{name: "ko", title: "ko " + koVersion + " --local", bare: true, prepare: (*site).setUpKo, build: (*site).ko},
	}
}

func wayNames() []string {
	var names []string
	for _, w := range ways() {
		names = append(names, w.name)
	}
	return names
}

// site is the place of one way: its own copy of a program's module.
type site struct {
	*bench
	program program
	way     way
	title   string
	dir     string // folder of the module
	work    string // folder of everything else
	env     []string

	constant string // constant in the source
	size     int    // size of the program, if the way builds only that
	id       string // ID of the last image
	took     [len(cases)]measure.Samples
	left     error // reason for leaving the way out
}

// run runs a command in the module.
func (s *site) run(ctx context.Context, args ...string) (string, error) {
	return s.call(ctx, command{dir: s.dir, env: s.env, args: args})
}

// repo returns the image's name without a tag.
func (s *site) repo() string { return prefix + s.program.name + "-" + s.way.name }

func (s *site) reference() string { return s.repo() + ":latest" }

// binary returns where ways that call the go command put the program. Its folder is also the context of a Dockerfile.
func (s *site) binary() string { return filepath.Join(s.work, "context", s.program.name) }
