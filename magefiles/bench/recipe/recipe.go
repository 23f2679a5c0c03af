// Package recipe builds images by the recipes that people write for Go programs,
// and by our targets from the same source, and asks the program in each what it
// finds there. The recipes are in ../recipes/testdata.
package recipe

import (
	"fmt"
	"slices"
)

// recipe is a folder of testdata.
type recipe struct {
	name     string
	onHost   bool   // it needs no golang image
	requires string // a module: in the version that a go.mod of this repository names
	of       string // that go.mod
	vendored bool   // in the recipe's copy: no module can be fetched in its container
}

var recipes = []recipe{
	{name: "hostcopy", onHost: true},
	{name: "multistage"},
	{name: "distldd", requires: "github.com/mattn/go-sqlite3", of: "examples/sqlite/go.mod", vendored: true},
	{name: "goctl"},
	{name: "incontainer", requires: "golang.org/x/sync", of: "go.mod", vendored: true},
}

// Names are the names of all recipes.
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
