package endtoend_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
	"github.com/fromscratch-go/fromscratch/magefiles/bench/recipe"
)

// These tests build the image of a recipe, a common Dockerfile, and that of fromscratch
// from the same source. The program must do the same in both. In the image of fromscratch
// it must find everything that it asks for, in the recipe's everything but a known list.

// The recipe copies a program that is compiled on the host, and the host's certificates.
func TestHeavyRecipeHostCopy(t *testing.T) {
	// The program loads zones, which the recipe does not have: 0.35 MB. It also lacks passwd, services and similar files.
	compareRecipe(t, "hostcopy", 400e3, "not root", "os/user", "temp folder", "time zones")
}

// The recipe compiles in a golang image and copies certificates, a user and zones.
func TestHeavyRecipeMultiStage(t *testing.T) {
	compareRecipe(t, "multistage", 0, "temp folder", "home", "work folder")
}

// The recipe copies a cgo program and the libraries that ldd prints.
func TestHeavyRecipeDistLdd(t *testing.T) {
	// It lacks zones, and libgcc_s.so.1, without which the program crashes when a C thread exits.
	compareRecipe(t, "distldd", 700e3, "os/user", "temp folder", "home", "time zones", "time zones of C")
}

// The recipe is the output of go-zero's generator.
func TestHeavyRecipeGoctl(t *testing.T) {
	// The recipe has only the zone that it was generated with. The image of fromscratch has all zones, because the program
	// loads them by name.
	compareRecipe(t, "goctl", 400e3, "not root", "os/user", "temp folder")
}

// The recipe compiles in a container of a golang image, with vendored modules.
func TestHeavyRecipeInContainer(t *testing.T) {
	// As with hostcopy, which has the same Dockerfile.
	compareRecipe(t, "incontainer", 400e3, "not root", "os/user", "temp folder", "time zones")
}

// similar are recipes that hardly differ from another one. Their images take the classic builder a minute each. The
// benchmark builds them, and these tests only if FROMSCRATCH_TEST_RECIPES is "all".
var similar = []string{"multistage", "goctl"}

// compareRecipe builds and compares both images. That of fromscratch may be larger by
// allowance, in bytes. lacking are the checks that fail in the recipe's.
func compareRecipe(t *testing.T, name string, allowance int64, lacking ...string) {
	testkit.NeedEngine(t)
	testkit.Need(t, "gcc")
	w := workshop(t, name)
	if slices.Contains(similar, name) && os.Getenv("FROMSCRATCH_TEST_RECIPES") != "all" {
		if ours, _ := buildAndAsk(t, w, name, recipe.Ours); len(ours.Failed) > 0 {
			t.Errorf("these checks fail in the image of fromscratch: %q", ours.Failed)
		}
		return
	}
	theirs, theirSize := buildAndAsk(t, w, name, recipe.Classic)
	ours, ourSize := buildAndAsk(t, w, name, recipe.Ours)
	t.Logf("the recipe's image: %d bytes, %s, failed: %q", theirSize, theirs.Count(), theirs.Failed)
	t.Logf("the image of fromscratch: %d bytes, %s", ourSize, ours.Count())
	if len(ours.Failed) > 0 {
		t.Errorf("these checks fail in the image of fromscratch: %q", ours.Failed)
	}
	if !slices.Equal(ours.Checks, theirs.Checks) {
		t.Errorf("the image of fromscratch has the checks %q, the recipe's %q", ours.Checks, theirs.Checks)
	}
	if ours.Page != theirs.Page {
		t.Errorf("the program prints %q in the image of fromscratch, %q in the recipe's", ours.Page, theirs.Page)
	}
	if got := theirs.Lacking(); !slices.Equal(got, lacking) {
		t.Errorf("these checks fail in the recipe's image: %q, want %q", theirs.Failed, lacking)
	}
	if ourSize > theirSize+allowance {
		t.Errorf("the image of fromscratch has %d bytes, the recipe's %d", ourSize, theirSize)
	}
}

// buildAndAsk builds an image in one way, and returns what its program finds and the image's size.
func buildAndAsk(t *testing.T, w *recipe.Workshop, name string, way recipe.Way) (recipe.Answers, int64) {
	t.Helper()
	ctx := context.Background()
	s, err := w.Site(ctx, name, way)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Build(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Built(ctx); err != nil {
		t.Fatal(err)
	}
	size, err := s.Size(ctx)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := s.Ask(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return answers, size
}

// workshop returns a workshop for a test, with its own image names.
func workshop(t *testing.T, name string) *recipe.Workshop {
	t.Helper()
	w, err := recipe.Open(context.Background(), recipe.Options{
		Root:    root(t),
		Prefix:  fmt.Sprintf("fromscratch-test-recipe-%d-%s-", os.Getpid(), name),
		GoImage: buildertest.Image(t),
		Environ: measure.Environment(os.Environ()),
		Grace:   time.Minute, // a busy machine is slow
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}
