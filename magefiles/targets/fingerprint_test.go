package targets

import (
	"os"
	"path/filepath"
	"testing"
)

// Two projects share a command when all that it is made of is the same, and only
// then.
func TestFingerprint(t *testing.T) {
	const mod = "module example.com/a\n\ngo 1.23\n\nrequire github.com/fromscratch-go/fromscratch v1.0.0\n"
	project := func(files map[string]string) string {
		dir := t.TempDir()
		for name, content := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	base, err := fingerprint(project(map[string]string{"go.mod": mod, "go.sum": "one\n"}))
	if err != nil {
		t.Fatal(err)
	}
	if base.doubtful {
		t.Error("a plain project is doubtful")
	}
	for _, test := range []struct {
		name           string
		files          map[string]string
		same, doubtful bool
	}{
		{"same words in another folder", map[string]string{"go.mod": mod, "go.sum": "one\n", "main.go": "package main\n"}, true, false},
		{"other sums", map[string]string{"go.mod": mod, "go.sum": "two\n"}, false, false},
		{"vendored", map[string]string{"go.mod": mod, "go.sum": "one\n", "vendor/modules.txt": "# x\n"}, false, false},
		{"workspace", map[string]string{"go.mod": mod, "go.sum": "one\n", "go.work": "use .\n"}, false, false},
		{"ours replaced", map[string]string{"go.mod": mod + "replace github.com/fromscratch-go/fromscratch => ../f\n", "go.sum": "one\n"}, false, false},
		{"another replaced by a folder", map[string]string{"go.mod": mod + "replace github.com/docker/docker => ../docker\n", "go.sum": "one\n"}, false, true},
		{"another replaced by a version", map[string]string{"go.mod": mod + "replace github.com/docker/docker => github.com/moby/moby v1.0.0\n", "go.sum": "one\n"}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := fingerprint(project(test.files))
			if err != nil {
				t.Fatal(err)
			}
			if (got.name == base.name) != test.same {
				t.Errorf("the same as the base is %t, want %t", got.name == base.name, test.same)
			}
			if got.doubtful != test.doubtful {
				t.Errorf("doubtful is %t, want %t", got.doubtful, test.doubtful)
			}
		})
	}
	t.Setenv("GOFLAGS", "-modfile=other.mod")
	if raced, err := fingerprint(project(map[string]string{"go.mod": mod, "go.sum": "one\n"})); err != nil || raced.name == base.name {
		t.Errorf("other GOFLAGS make the same command (%v)", err)
	}
}

// GOFLAGS are for the program in the image too; what would break the command is
// not for it.
func TestPlainFlags(t *testing.T) {
	for goflags, want := range map[string]string{
		"":                                   "",
		"-mod=mod -race":                     "-mod=mod",
		"-buildmode=pie '-ldflags=-X a=b c'": "'-ldflags=-X a=b c'",
		"--asan -modfile=x.mod":              "-modfile=x.mod",
	} {
		if got := plainFlags(goflags); got != want {
			t.Errorf("of %q is left %q, want %q", goflags, got, want)
		}
	}
}
