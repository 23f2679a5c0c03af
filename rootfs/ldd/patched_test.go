//go:build linux && amd64

package ldd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A distribution sets the folders and the path of the cache when it builds the loader. A patched loader with
// other ones, of the same length, shows where it searches.
func TestPatchedLoader(t *testing.T) {
	need(t, "ldconfig")
	c := cacheCase{
		prog: fakeELF{Needed: []string{"liba.so", "libb.so", "libx.so"}}, conf: "/opt/lib\n",
		libs: map[string]fakeELF{
			"xyz/lib/x86_64-linux-gnu/liba.so": {}, "opt/lib/libb.so": {},
			"xyz/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libx.so": {}, "xyz/lib/x86_64-linux-gnu/libx.so": {},
		},
		want: []string{
			"liba.so => /xyz/lib/x86_64-linux-gnu/liba.so", "libb.so => /opt/lib/libb.so",
			"libx.so => /xyz/lib/x86_64-linux-gnu/libx.so",
		},
		needs: true,
	}
	root := c.build(t)
	name := filepath.Join(root, glibcLoader)
	loader, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"/etc/ld.so.cache\x00": "/opt/ld.so.cache\x00", "\x00/usr/lib/x86_64-linux-gnu/\x00": "\x00/xyz/lib/x86_64-linux-gnu/\x00"} {
		if !bytes.Contains(loader, []byte(from)) {
			skip(t, fmt.Sprintf("this loader has no %q", from))
		}
		loader = bytes.ReplaceAll(loader, []byte(from), []byte(to))
	}
	write(t, name, loader)
	run(t, root, "ldconfig", "-r", root, "-X", "-C", "/opt/ld.so.cache")
	// Only now: ldconfig was built for this folder.
	write(t, filepath.Join(root, "usr/lib/x86_64-linux-gnu/liba.so"), fakeELF{}.Bytes())
	got, err := c.resolve(root)
	if got == nil {
		t.Fatal(err)
	}
	// The machine may have the level whose folder holds another libx.so.
	want, oracleErr := oracle(t, got, "/bin/prog", inRoot(root, "/"))
	if oracleErr != nil {
		t.Fatal(oracleErr)
	}
	for i := range want {
		want[i] = strings.Replace(want[i], "glibc-hwcaps/x86-64-v2/", "", 1)
	}
	if lines := traced(got, err); !slices.Equal(lines, want) || !slices.Equal(lines, c.want) {
		t.Errorf("got\n  %s\nthe loader\n  %s", strings.Join(lines, "\n  "), strings.Join(want, "\n  "))
	}
	if got.loader.cache != "/opt/ld.so.cache" || !got.needsConf {
		t.Errorf("cache at %q, needed: %t", got.loader.cache, got.needsConf)
	}
}
