package buildkit_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

// explainOnce builds an image with the state of the last build. It returns the explanation and the chains of all paths, as JSON, and
// what the build says about the libraries.
func explainOnce(t *testing.T, in buildkit.Inputs) (text, libraries string) {
	t.Helper()
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	built, err := buildkit.Build(context.Background(), plans[0], func(e buildkit.Event) {
		if e.Step == "libraries" && e.State == buildkit.Done {
			libraries = e.Text
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	x := built.Explain()
	chains := map[string][]buildkit.EntryFacts{}
	for _, e := range x.Entries {
		if chains[e.Path], err = built.Chain(e.Path); err != nil {
			t.Error(err)
		}
	}
	all, err := json.MarshalIndent([]any{x, chains}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := built.Close(); err != nil {
		t.Fatal(err)
	}
	return string(all), libraries
}

// sameExplanation explains an image twice. The second build takes over the libraries.
func sameExplanation(t *testing.T, inputs func() buildkit.Inputs, words ...string) {
	t.Helper()
	first, computed := explainOnce(t, inputs())
	second, recalled := explainOnce(t, inputs())
	if recalled != computed+", as before" {
		t.Errorf("first the libraries are %q, then %q", computed, recalled)
	}
	if first != second {
		t.Errorf("first the explanation is\n%s\nthen\n%s", first, second)
	}
	for _, w := range words {
		if !strings.Contains(first, w) {
			t.Errorf("%q is not in the explanation\n%s", w, first)
		}
	}
}

// What takes the libraries of the last build says the same as what computes them: reasons, candidates and notes in their order.
func TestExplainRecalled(t *testing.T) {
	t.Parallel()
	dir := sqliteModule(t)
	writing(dir, "start.go", `package main

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// static void *more(void) { return dlopen("libz.so.1", RTLD_NOW); }
import "C"

import "os/exec"

func init() {
	if C.more() == nil {
		exec.Command("true").Run()
	}
}
`)(t)
	c := buildkit.Config{Exclude: []string{"/none/*"}, Licenses: true}
	sameExplanation(t, func() buildkit.Inputs { return inputs(dir, c) },
		"libsqlite3.so.0", "needed by /lite", "/lite names it and opens libraries", "libz.so.1 is added, ", "excludes nothing", "os/exec", "licence of ")
}

func TestHeavyExplainRecalledOnABase(t *testing.T) {
	dir := sqliteModule(t)
	base := imported(t, debian(t, hostRelease(t)), "explained")
	c := buildkit.Config{Base: base, Repo: repo + "onexplained"}
	sameExplanation(t, func() buildkit.Inputs { return inputsOn(t, dir, c) }, "in the base "+base, "libm.so.6", `"layer": "base"`)
}
