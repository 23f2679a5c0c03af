package targets_test

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

// A recipe's image and ours, of the same source: the program in ours does what it
// does in the recipe's, finds all that it asks for, and what it does not find in the
// recipe's is what we believe is missing there.

// The program is compiled on the host, and copied with the host's certificates.
func TestHeavyRecipeHostCopy(t *testing.T) {
	// The program loads zones, and the recipe has none: 0.35 MB, and passwd, services and their like.
	compareRecipe(t, "hostcopy", 400e3, "not root", "os/user", "temp folder", "time zones")
}

// Compiled in a golang image; certificates, a user and zones are copied.
func TestHeavyRecipeMultiStage(t *testing.T) {
	compareRecipe(t, "multistage", 0, "temp folder", "home", "work folder")
}

// A cgo program with the libraries that ldd names.
func TestHeavyRecipeDistLdd(t *testing.T) {
	// Zones again, and libgcc_s.so.1, without which a thread of C that ends takes the program with it.
	compareRecipe(t, "distldd", 700e3, "os/user", "temp folder", "home", "time zones", "time zones of C")
}

// What go-zero's generator writes.
func TestHeavyRecipeGoctl(t *testing.T) {
	// The recipe has the one zone that it was made with, ours all: the program loads them by name.
	compareRecipe(t, "goctl", 400e3, "not root", "os/user", "temp folder")
}

// Compiled in a container of a golang image, with vendored modules.
func TestHeavyRecipeInContainer(t *testing.T) {
	// As with hostcopy, whose Dockerfile this is.
	compareRecipe(t, "incontainer", 400e3, "not root", "os/user", "temp folder", "time zones")
}

// alike are recipes that differ from another one in words more than in kind. Their own images, which the classic builder
// takes a minute for, are built by the benchmark, and here where FROMSCRATCH_TEST_RECIPES is "all".
var alike = []string{"multistage", "goctl"}

// compareRecipe builds both images. Ours may be larger by the allowance, in bytes;
// lacking is what fails in the recipe's.
func compareRecipe(t *testing.T, name string, allowance int64, lacking ...string) {
	testkit.NeedEngine(t)
	testkit.Need(t, "gcc")
	w := workshop(t, name)
	if slices.Contains(alike, name) && os.Getenv("FROMSCRATCH_TEST_RECIPES") != "all" {
		if ours, _ := builtAndAsked(t, w, name, recipe.Ours); len(ours.Failed) > 0 {
			t.Errorf("in our image fails %q", ours.Failed)
		}
		return
	}
	theirs, theirSize := builtAndAsked(t, w, name, recipe.Classic)
	ours, ourSize := builtAndAsked(t, w, name, recipe.Ours)
	t.Logf("the recipe's: %d bytes, %s, fails %q", theirSize, theirs.Count(), theirs.Failed)
	t.Logf("ours: %d bytes, %s", ourSize, ours.Count())
	if len(ours.Failed) > 0 {
		t.Errorf("in our image fails %q", ours.Failed)
	}
	if !slices.Equal(ours.Checks, theirs.Checks) {
		t.Errorf("our image was asked for %q, the recipe's for %q", ours.Checks, theirs.Checks)
	}
	if ours.Page != theirs.Page {
		t.Errorf("the program in our image says %q, in the recipe's %q", ours.Page, theirs.Page)
	}
	if got := theirs.Lacking(); !slices.Equal(got, lacking) {
		t.Errorf("in the recipe's image fails %q, want %q", theirs.Failed, lacking)
	}
	if ourSize > theirSize+allowance {
		t.Errorf("our image has %d bytes, the recipe's %d", ourSize, theirSize)
	}
}

func builtAndAsked(t *testing.T, w *recipe.Workshop, name string, way recipe.Way) (recipe.Answers, int64) {
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

// workshop is one for a test, with names of its own.
func workshop(t *testing.T, name string) *recipe.Workshop {
	t.Helper()
	w, err := recipe.Open(context.Background(), recipe.Options{
		Root:    root(t),
		Prefix:  fmt.Sprintf("fromscratch-test-recipe-%d-%s-", os.Getpid(), name),
		GoImage: buildertest.Image(t),
		Environ: measure.Environment(os.Environ()),
		Grace:   time.Minute, // a busy machine is no fault of the image
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
