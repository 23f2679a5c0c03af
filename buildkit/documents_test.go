package buildkit_test

import (
	"context"
	"testing"
	"time"
	"os"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

func TestDev(t *testing.T) {
	dir := ownCopy(t, "../../examples/sqlite")
	built := mustBuild(t, dir, buildkit.Config{})
	start := time.Now()
	docs, err := built.Documents(context.Background(), "")
	t.Log(time.Since(start))
	if err != nil { t.Fatal(err) }
	for _, d := range docs {
		os.WriteFile("/tmp/supply-"+d.Name, d.Content, 0o644)
	}
}
