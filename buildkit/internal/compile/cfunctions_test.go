package compile

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// A program's own imports tell that its C code reads time zones, or starts programs. Those of its libraries tell nothing.
func TestNeedsOfC(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "gcc")
	dir := t.TempDir()
	gcc := func(name, source string, args ...string) string {
		t.Helper()
		out := filepath.Join(dir, name)
		if err := os.WriteFile(out+".c", []byte("#include <stdlib.h>\n#include <time.h>\n"+source), 0o644); err != nil {
			t.Fatal(err)
		}
		if text, err := exec.Command("gcc", append([]string{"-o", out, out + ".c"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return out
	}
	library := gcc("liblate.so", "int hour(void) { time_t t = 0; return localtime(&t)->tm_hour; }", "-shared", "-fPIC")
	for name, c := range map[string]struct {
		source, why string
		kind        linked.Kind // "" is time zones
		args        []string
	}{
		"localtime":    {source: "int main() { time_t t = 0; return localtime(&t)->tm_hour; }", why: "localtime of C is imported"},
		"several":      {source: "int main() { struct tm t = {0}; char b[9]; mktime(&t); return strftime(b, 9, \"%Z\", &t); }", why: "mktime of C is imported"},
		"strftime":     {source: "int main() { struct tm t = {0}; char b[9]; return strftime(b, 9, \"%Z\", &t); }", why: "strftime of C is imported"},
		"a shell":      {source: "int main() { return system(\"ls\"); }", why: "system of C is imported", kind: linked.Programs},
		"only UTC":     {source: "int main() { time_t t = 0; return gmtime(&t)->tm_hour; }"},
		"of a library": {source: "int hour(void); int main() { return hour(); }", args: []string{library}},
		"defined here": {source: "static struct tm x; struct tm *localtime(const time_t *t) { return &x; } int main() { return localtime(0)->tm_hour; }"},
	} {
		p, err := Read(gobuild.Binary{Path: gcc(name, c.source, c.args...)})
		if err != nil {
			t.Fatal(err)
		}
		var want []linked.Need
		if c.why != "" {
			want = []linked.Need{{Kind: cmp.Or(c.kind, linked.Zones), Why: c.why}}
		}
		if got := p.Needs(); !reflect.DeepEqual(got, want) || p.NeedOfC(cmp.Or(c.kind, linked.Zones)) != c.why {
			t.Errorf("%s: needs %q, want %q", name, got, want)
		}
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if p, err := Read(gobuild.Binary{Path: script}); err != nil || p.Needs() != nil {
		t.Errorf("a script: %q, %v", p.Needs(), err)
	}
}
