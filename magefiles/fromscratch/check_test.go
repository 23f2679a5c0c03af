package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/listing"
)

func TestCheckArguments(t *testing.T) {
	for _, c := range []struct {
		args               []string
		reproducible, fail bool
	}{
		{nil, false, false}, {[]string{}, false, false}, {[]string{"-reproducible"}, true, false}, {[]string{"--reproducible=false"}, false, false},
		{[]string{"reproducible"}, false, true}, {[]string{"-none"}, false, true}, {[]string{"-reproducible", "hello"}, false, true},
	} {
		got, err := readCheckArgs(c.args)
		var config *buildkit.ConfigError
		if c.fail != errors.As(err, &config) || !c.fail && (err != nil || got != c.reproducible) {
			t.Errorf("%q is read as %t (%v)", c.args, got, err)
		}
	}
}

// The error names each broken rule with its image, and each fix once, on the last line.
func TestBroken(t *testing.T) {
	if err := broken([]listing.Verdicts{{Label: "web", List: []buildkit.Verdict{{Rule: "size", OK: true}}}}); err != nil {
		t.Error(err)
	}
	err := broken([]listing.Verdicts{
		{Label: "web", List: []buildkit.Verdict{{Rule: "size", What: "too large", Fix: "shrink it"}, {Rule: "user", OK: true}}},
		{Label: "clock", List: []buildkit.Verdict{{Rule: "size", What: "too large", Fix: "shrink it"}, {Rule: "user", What: "root", Fix: "set User"}}},
	})
	want := `the image "web" breaks the rule "size": too large
the image "clock" breaks the rule "size": too large
the image "clock" breaks the rule "user": root
fix: shrink it; set User`
	if err == nil || err.Error() != want {
		t.Errorf("the error is\n%v\nwant\n%s", err, want)
	}
	if end := ending(context.Background(), dialogue.End{}, err); end.Code != 1 || strings.Count(end.Error, "fix: ") != 1 {
		t.Errorf("the target ends with %+v", end)
	}
}
