//go:build linux && amd64

package ldd

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// With warnings and immediate binding (ldd -r), the real loader prints the missing symbols and versions of a
// process. Verify must find the same ones for every program and library of the machine.
func TestHeavyOracleVerify(t *testing.T) {
	if _, err := os.Stat(glibcLoader); err != nil {
		skip(t, "glibc's loader is not installed")
	}
	files := hostFiles(t, isProgram, "/usr/bin", "/usr/sbin")
	files = append(files, hostFiles(t, isLibrary, "/usr/lib", "/usr/local/lib", "/opt")...)
	var compared, dirty atomic.Int32
	// Each worker reads a library once; libraries occur in many closures.
	pool := sync.Pool{New: func() any { return map[string]*checkedObject{} }}
	each(files, func(name string) {
		c, err := resolveLibrary(name)
		if err != nil {
			return // incomplete: TestHeavyOracleAllLibraries covers it
		}
		read := pool.Get().(map[string]*checkedObject)
		defer pool.Put(read)
		v, err := newVerifier(context.Background(), c, read)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		got, want := v.complaints(), loaderComplaints(name)
		compared.Add(1)
		if len(want) > 0 {
			dirty.Add(1)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n  %s\nthe loader\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	})
	t.Logf("agreement: %d files, %d of them lack something", compared.Load(), dirty.Load())
	atLeast(t, int(compared.Load()), 1500, "files")
}

// complaints returns the missing versions and symbols, sorted.
func (v *verifier) complaints() []string {
	var out []string
	for _, n := range v.missingVersions() {
		out = append(out, n.name)
	}
	missing, err := v.missingSymbols()
	if err != nil {
		out = append(out, err.Error())
	}
	for _, s := range missing {
		out = append(out, s.Name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var complaint = regexp.MustCompile("version `([^']+)' not found|undefined symbol: ([^\\s,]+)|symbol ([^\\s,]+), version [^\\s]+ not defined")

// loaderComplaints returns the missing versions and symbols that the real loader prints, sorted.
func loaderComplaints(name string) []string {
	cmd := exec.Command(glibcLoader, name)
	cmd.Env = []string{"LD_TRACE_LOADED_OBJECTS=1", "LD_WARN=yes", "LD_BIND_NOW=yes"}
	out, _ := cmd.CombinedOutput() // the exit code may report a complaint
	var names []string
	for _, m := range complaint.FindAllStringSubmatch(string(out), -1) {
		names = append(names, m[1]+m[2]+m[3])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
