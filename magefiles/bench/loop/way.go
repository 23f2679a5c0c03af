package main

import (
	"context"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// way is one way from the source to an image in the engine.
type way struct {
	name  string // as -ways knows it
	title string // in the tables
	// ours: a failure ends the measurement. One of another's leaves a row that says so.
	ours    bool
	targets bool // its module has a magefile
	program bool // it makes the program alone, and no image
	// bare: nothing but the program is in the image, where one with libraries does
	// not start.
	bare    bool
	prepare func(*site, context.Context) error // nil: nothing
	build   func(*site, context.Context) error // what is timed
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

// site is where one way works: its own copy of a program's module.
type site struct {
	*bench
	program program
	way     way
	title   string
	dir     string // of the module
	work    string // of all else
	env     []string

	constant string // that the source has now
	size     int    // of the program, where the way makes no more
	id       string // of the image that was made last
	took     [len(cases)]measure.Samples
	left     error // why it was left out
}

// run runs a command in the module.
func (s *site) run(ctx context.Context, args ...string) (string, error) {
	return s.call(ctx, command{dir: s.dir, env: s.env, args: args})
}

// repo is the image's name without a tag.
func (s *site) repo() string { return prefix + s.program.name + "-" + s.way.name }

func (s *site) reference() string { return s.repo() + ":latest" }

// binary is where the ways that call the go command themselves put the program;
// it is the context of a Dockerfile as well.
func (s *site) binary() string { return filepath.Join(s.work, "context", s.program.name) }
