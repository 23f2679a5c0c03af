//go:build linux && amd64

package ldd

import (
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// leastCPU is the emulator's name for the CPU with only the baseline's capability folders.
var leastCPU = map[elf.Machine]string{elf.EM_S390: "z900", elf.EM_PPC64: "power8"}

// checkSubdirs compares the subfolders with those that the release's loader searches. The emulators report no
// platform, so those folders are missing.
func (r release) checkSubdirs(t *testing.T, root string) {
	t.Helper()
	c, err := r.resolve(root, "/usr/bin/openssl")
	if err != nil {
		t.Fatal(err)
	}
	cpu := leastCPU[r.machine]
	if r.qemu == "" || !c.loader.legacy || cpu == "" {
		return
	}
	if err := os.MkdirAll(filepath.Join(root, "opt/empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := r.command(root, []string{"LD_DEBUG=libs", "LD_LIBRARY_PATH=/opt/empty", "LD_TRACE_LOADED_OBJECTS=1"}, r.loader, "/usr/bin/openssl")
	cmd.Args = slices.Insert(cmd.Args, 1, "-cpu", cpu)
	out, err := cmd.CombinedOutput() // it may crash: a library can be for newer CPUs
	_, path, ok := strings.Cut(string(out), "search path=")
	path, _, _ = strings.Cut(path, "\t")
	if !ok {
		t.Fatalf("the loader prints no search path: %v\n%s", err, out)
	}
	want := strings.Split(path, ":")
	var got []string
	for _, sub := range c.loader.subdirs(c.want) {
		if platform := platforms[r.machine]; !slices.Contains(strings.Split(sub, "/"), platform) {
			got = append(got, strings.TrimSuffix("/opt/empty/"+sub, "/"))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nthe loader\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	t.Logf("the loader tries %d folders in each", len(want))
}
