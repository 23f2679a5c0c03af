// Package recipe builds images from the same source with recipes that people write for Go programs, and with
// fromscratch's targets. It asks the program in each image what it finds there. The recipes are in ../recipes/testdata.
package recipe

import (
	"fmt"
	"slices"
)

// recipe is a folder of testdata.
type recipe struct {
	name     string
	onHost   bool   // it compiles on the host, without a golang image
	requires string // module in the version of a go.mod of this repository
	of       string // that go.mod
	vendored bool   // vendor the modules, because its container can't fetch them
}

var recipes = []recipe{
	{name: "hostcopy", onHost: true},
	{name: "multistage"},
	{name: "distldd", requires: "github.com/mattn/go-sqlite3", of: "examples/sqlite/go.mod", vendored: true},
	{name: "goctl"},
	{name: "incontainer", requires: "golang.org/x/sync", of: "go.mod", vendored: true},
}

// Names returns the names of all recipes.
func Names() []string {
	var names []string
	for _, r := range recipes {
		names = append(names, r.name)
	}
	return names
}

func find(name string) (recipe, error) {
	i := slices.IndexFunc(recipes, func(r recipe) bool { return r.name == name })
	if i < 0 {
		return recipe{}, fmt.Errorf("looking for the recipe %q: there is none\nfix: choose from %q", name, Names())
	}
	return recipes[i], nil
}

// Way is how an image is built.
type Way string

// The ways.
const (
	Classic  Way = "classic"  // the recipe, by the engine's classic builder
	BuildKit Way = "buildkit" // the recipe, by BuildKit, with a cache mount for each "go build"
	Ours     Way = "ours"     // the target image of the recipe's magefile, which "mage -compile" has compiled
)
