package buildkit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/buildtest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

const repo = buildtest.Repo

// buildVariable makes a test binary build the module in the folder that it names,
// print the image's ID, and end: so that a build can run as another user.
const buildVariable = "FROMSCRATCH_TEST_BUILD"

func TestMain(m *testing.M) {
	dir, told := os.LookupEnv(buildVariable)
	if !told {
		os.Exit(testkit.Main(m, removeBuilderCaches))
	}
	built, err := build(context.Background(), dir, buildkit.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(built.Image.ConfigDigest)
	if err := built.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The kit of these tests.
var (
	build       = buildtest.Build
	mustBuild   = buildtest.MustBuild
	load        = buildtest.Load
	inImage     = buildtest.Run
	picture     = buildtest.Picture
	output      = testkit.Output
	missing     = testkit.Missing
	need        = testkit.Need
	needPackage = testkit.NeedPackage
	module      = testkit.Module
	txtar       = testkit.Txtar
)

// writeArchive writes the archive of an image, with the documents about it, and returns its path.
func writeArchive(t testing.TB, built *buildkit.Result) string {
	t.Helper()
	paths, err := buildkit.ArchiveAll(context.Background(), []*buildkit.Result{built}, built.Plan.Platform)
	if err != nil {
		t.Fatal(err)
	}
	return paths[0]
}

// ownCopy copies a module of testdata.
func ownCopy(t testing.TB, name string) string {
	t.Helper()
	return testkit.Copy(t, filepath.Join("testdata", name))
}
