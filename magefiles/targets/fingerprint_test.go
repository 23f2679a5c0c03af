package targets

import (
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// Two projects share a worker if everything that it is made of is the same, and only then.
func TestFingerprint(t *testing.T) {
	const mod = `module example.com/a

go 1.23

require github.com/fromscratch-go/fromscratch v1.0.0
`
	base, err := fingerprint(testkit.Module(t, map[string]string{"go.mod": mod, "go.sum": "one\n"}))
	if err != nil {
		t.Fatal(err)
	}
	if base.incomplete {
		t.Error("the fingerprint of a plain project is incomplete")
	}
	for _, test := range []struct {
		name             string
		files            map[string]string
		same, incomplete bool
	}{
		{"the same in another folder", map[string]string{"go.mod": mod, "go.sum": "one\n", "main.go": "package main\n"}, true, false},
		{"other sums", map[string]string{"go.mod": mod, "go.sum": "two\n"}, false, false},
		{"vendored", map[string]string{"go.mod": mod, "go.sum": "one\n", "vendor/modules.txt": "# x\n"}, false, false},
		{"workspace", map[string]string{"go.mod": mod, "go.sum": "one\n", "go.work": "use .\n"}, false, false},
		{"this module replaced", map[string]string{"go.mod": mod + "replace github.com/fromscratch-go/fromscratch => ../f\n", "go.sum": "one\n"}, false, false},
		{"another replaced by a folder", map[string]string{"go.mod": mod + "replace github.com/docker/docker => ../docker\n", "go.sum": "one\n"}, false, true},
		{"another replaced by a version", map[string]string{"go.mod": mod + "replace github.com/docker/docker => github.com/moby/moby v1.0.0\n", "go.sum": "one\n"}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := fingerprint(testkit.Module(t, test.files))
			if err != nil {
				t.Fatal(err)
			}
			if (got.name == base.name) != test.same {
				t.Errorf("the same worker as the base: %t, want %t", got.name == base.name, test.same)
			}
			if got.incomplete != test.incomplete {
				t.Errorf("incomplete is %t, want %t", got.incomplete, test.incomplete)
			}
		})
	}
	t.Setenv("GOFLAGS", "-modfile=other.mod")
	if raced, err := fingerprint(testkit.Module(t, map[string]string{"go.mod": mod, "go.sum": "one\n"})); err != nil || raced.name == base.name {
		t.Errorf("other GOFLAGS give the same worker (%v)", err)
	}
}

// GOFLAGS are also meant for the program in the image. Flags that would break the worker are left out.
func TestPlainFlags(t *testing.T) {
	for goflags, want := range map[string]string{
		"":                                   "",
		"-mod=mod -race":                     "-mod=mod",
		"-buildmode=pie '-ldflags=-X a=b c'": "'-ldflags=-X a=b c'",
		"--asan -modfile=x.mod":              "-modfile=x.mod",
	} {
		if got := plainFlags(goflags); got != want {
			t.Errorf("plainFlags(%q) = %q, want %q", goflags, got, want)
		}
	}
}
