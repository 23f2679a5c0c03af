//go:build linux && amd64

package ldd

import (
	"bytes"
	"context"
	debugelf "debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// cacheCase is a root file system in which ld.so.cache decides. Its program is /bin/prog.
type cacheCase struct {
	prog   fakeELF
	libs   map[string]fakeELF
	links  map[string]string
	conf   string            // /etc/ld.so.conf
	format string            // of ldconfig -c
	after  func(root string) // runs after the cache is written
	want   []string
	needs  bool // the image needs a cache
}

var cacheCases = map[string]cacheCase{
	"only in the cache": {
		prog: fakeELF{Needed: []string{"liba.so.1"}}, conf: "/opt/lib\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so.1": {Soname: "liba.so.1"}},
		want:  []string{"liba.so.1 => /opt/lib/liba.so.1"},
		needs: true,
	},
	"by a soname that is a link": {
		prog: fakeELF{Needed: []string{"liba.so.1"}}, conf: "# folders\n  /opt/lib # ours\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so.1.2": {Soname: "liba.so.1", Needed: []string{"libb.so"}}, "opt/lib/libb.so": {}},
		links: map[string]string{"opt/lib/liba.so.1": "liba.so.1.2", "opt/lib/liba.so": "liba.so.1"},
		want:  []string{"liba.so.1 => /opt/lib/liba.so.1", "libb.so => /opt/lib/libb.so"},
		needs: true,
	},
	"a configured folder before a default one": {
		prog: fakeELF{Needed: []string{"liba.so"}}, conf: "/opt/lib\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so": {}, "usr/lib/liba.so": {}},
		want:  []string{"liba.so => /opt/lib/liba.so"},
		needs: true,
	},
	"the order of configured folders": {
		prog: fakeELF{Needed: []string{"liba.so"}}, conf: "/usr/local/lib\n/opt/lib\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so": {}, "usr/local/lib/liba.so": {}},
		want:  []string{"liba.so => /usr/local/lib/liba.so"},
		needs: true,
	},
	"a default folder needs no cache": {
		prog: fakeELF{Needed: []string{"liba.so"}}, conf: "/opt/lib\n",
		libs: map[string]fakeELF{"usr/lib/liba.so": {}},
		want: []string{"liba.so => /usr/lib/liba.so"},
	},
	"numbers are compared as numbers": {
		prog: fakeELF{Needed: []string{"liba.so.01", "libb.so.9"}}, conf: "/opt/lib\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so.1": {}, "opt/lib/libb.so.9": {}, "opt/lib/libb.so.10": {}},
		want:  []string{"liba.so.01 => /opt/lib/liba.so.1", "libb.so.9 => /opt/lib/libb.so.9"},
		needs: true,
	},
	"a stale entry": {
		prog: fakeELF{Needed: []string{"liba.so"}}, conf: "/opt/lib\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so": {}, "lib/liba.so": {}},
		after: func(root string) { _ = os.Remove(filepath.Join(root, "opt/lib/liba.so")) },
		want:  []string{"liba.so => /lib/liba.so"},
	},
	"a stale entry of another machine": {
		prog: fakeELF{Needed: []string{"liba.so"}}, conf: "/opt/lib\n",
		libs: map[string]fakeELF{"opt/lib/liba.so": {}, "lib/liba.so": {}},
		after: func(root string) {
			_ = os.WriteFile(filepath.Join(root, "opt/lib/liba.so"), fakeELF{Machine: debugelf.EM_AARCH64}.Bytes(), 0o755)
		},
		want: []string{"liba.so => /lib/liba.so"},
	},
	"the old format of another place": {
		prog: fakeELF{Needed: []string{"liba.so.1", "libb.so.01"}}, conf: "/opt/lib\n", format: "old",
		libs:  map[string]fakeELF{"opt/lib/liba.so.1.2": {Soname: "liba.so.1"}, "opt/lib/libb.so.1": {}},
		links: map[string]string{"opt/lib/liba.so.1": "liba.so.1.2"},
		want:  []string{"liba.so.1 => /opt/lib/liba.so.1", "libb.so.01 => /opt/lib/libb.so.1"},
		needs: true,
	},
	"a library and a folder of the same name": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}}, conf: "/opt/lib=libc6\nhwcap 0 nosuch\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so": {}, "opt/lib/libb.so/libx.so": {}, "lib/libb.so": {}},
		want:  []string{"liba.so => /opt/lib/liba.so", "libb.so => /lib/libb.so"},
		needs: true,
	},
	"the highest of several versions": {
		prog: fakeELF{Needed: []string{"liba.so.1"}}, conf: "/opt/lib\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so.1.9": {Soname: "liba.so.1"}, "opt/lib/liba.so.1.10": {Soname: "liba.so.1"}},
		links: map[string]string{"opt/lib/liba.so.1": "liba.so.1.10"},
		want:  []string{"liba.so.1 => /opt/lib/liba.so.1"},
		needs: true,
	},
	"a plugin is not in the cache": {
		prog: fakeELF{Needed: []string{"plug.so"}}, conf: "/opt/lib\n",
		libs: map[string]fakeELF{"opt/lib/plug.so": {}},
		want: []string{"missing plug.so"},
	},
	"NODEFLIB and a configured folder": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Flags1: uint64(debugelf.DF_1_NODEFLIB)}, conf: "/opt/lib\n",
		libs:  map[string]fakeELF{"opt/lib/liba.so": {}, "usr/lib/libb.so": {}},
		want:  []string{"liba.so => /opt/lib/liba.so", "missing libb.so"},
		needs: true,
	},
	"included files": {
		prog: fakeELF{Needed: []string{"liba.so"}}, conf: "include /etc/ld.so.conf.d/*.conf\n",
		libs:  map[string]fakeELF{"opt/a/liba.so": {}, "opt/b/liba.so": {}},
		want:  []string{"liba.so => /opt/a/liba.so"},
		needs: true,
	},
	"the old format": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}}, conf: "/opt/lib\n", format: "old",
		libs:  map[string]fakeELF{"opt/lib/liba.so": {}, "opt/lib/libb.so": {}, "opt/lib/libx.so": {}},
		want:  []string{"liba.so => /opt/lib/liba.so", "libb.so => /opt/lib/libb.so"},
		needs: true,
	},
	"the old format followed by the new one": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}}, conf: "/opt/lib\n", format: "compat",
		libs:  map[string]fakeELF{"opt/lib/liba.so": {}, "opt/lib/libb.so": {}, "opt/lib/libx.so": {}},
		want:  []string{"liba.so => /opt/lib/liba.so", "libb.so => /opt/lib/libb.so"},
		needs: true,
	},
	"a private library is not offered to others": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}}, conf: "/opt/lib\n",
		libs: map[string]fakeELF{
			"opt/lib/liba.so": {Needed: []string{"libp.so"}, Runpath: "/private"},
			"private/libp.so": {}, "opt/lib/libb.so": {},
		},
		want:  []string{"liba.so => /opt/lib/liba.so", "libb.so => /opt/lib/libb.so", "libp.so => /private/libp.so"},
		needs: true,
	},
}

// Each root is resolved three times: with the cache that ldconfig writes, without a cache (it is computed from
// ld.so.conf), and with the computed cache, which the real loader must accept.
func TestCacheInRoot(t *testing.T) {
	need(t, "ldconfig")
	for name, c := range cacheCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := c.build(t)
			emulated, err := c.resolve(root)
			if emulated == nil {
				t.Fatal(err)
			}
			args := []string{"-r", root, "-X"}
			if c.format != "" {
				args = append(args, "-c", c.format)
			}
			run(t, root, "ldconfig", args...)
			if c.after != nil {
				c.after(root)
			} else if got := traced(emulated, err); !slices.Equal(got, c.want) {
				t.Errorf("without a cache: got %q, want %q", got, c.want)
			}

			cached, err := c.resolve(root)
			if cached == nil {
				t.Fatal(err)
			}
			c.compare(t, "ldconfig's cache", root, cached, err)
			if bytes.Contains(cached.cacheFile(), []byte("/private/")) {
				t.Error("the cache offers a library that only a search path leads to")
			}
			if got := cached.needsConf; got != c.needs {
				t.Errorf("the image needs a cache: %t, want %t", got, c.needs)
			}
			write(t, filepath.Join(root, "etc/ld.so.cache"), cached.cacheFile())
			own, err := c.resolve(root)
			if own == nil {
				t.Fatal(err)
			}
			c.compare(t, "computed cache", root, own, err)
			if own.needsConf != c.needs {
				t.Errorf("with the computed cache, the image needs a cache: %t", own.needsConf)
			}
		})
	}
}

// inRoot returns a process whose root is a folder. chroot(2) is only for root: other users enter a user
// namespace.
func inRoot(root, dir string) *exec.Cmd {
	attr := &syscall.SysProcAttr{Chroot: root}
	if uid := os.Getuid(); uid != 0 {
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return &exec.Cmd{Dir: dir, SysProcAttr: attr}
}

func (c cacheCase) resolve(root string) (*Closure, error) {
	return Resolve(context.Background(), DirFS(root), Program{Path: "/bin/prog"}, Env{})
}

// compare checks a closure against the case and against the loader that runs in the root.
func (c cacheCase) compare(t *testing.T, what, root string, got *Closure, err error) {
	t.Helper()
	want, oracleErr := oracle(t, got, "/bin/prog", inRoot(root, "/"))
	if oracleErr != nil {
		t.Fatalf("%s: the loader: %v", what, oracleErr)
	}
	if lines := traced(got, err); !slices.Equal(lines, want) || !slices.Equal(lines, c.want) {
		t.Errorf("%s: got\n  %s\nthe loader\n  %s\nthe test expects\n  %s", what,
			strings.Join(lines, "\n  "), strings.Join(want, "\n  "), strings.Join(c.want, "\n  "))
	}
}

// build makes the root: the host's loader, the libraries and the configuration, but no cache.
func (c cacheCase) build(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	c.prog.Interp = glibcLoader
	tree := ruleCase{prog: c.prog, libs: c.libs, links: c.links, dirs: []string{"etc/ld.so.conf.d", "lib", "usr/lib"}}
	tree.texts = map[string]string{
		"etc/ld.so.conf":             c.conf,
		"etc/ld.so.conf.d/20-b.conf": "/opt/b\n", "etc/ld.so.conf.d/10-a.conf": "/opt/a\n", "etc/ld.so.conf.d/x": "/opt/lib\n",
	}
	loader, err := os.ReadFile(glibcLoader)
	if err != nil {
		skip(t, "glibc's loader is not installed")
	}
	tree.texts[strings.TrimPrefix(glibcLoader, "/")] = string(loader)
	tree.buildIn(t, root, "")
	return root
}

// The cache computed from the host's whole ld.so.conf equals the one that ldconfig writes.
func TestEmulateLdconfigOnHost(t *testing.T) {
	need(t, "ldconfig")
	file := filepath.Join(t.TempDir(), "ld.so.cache")
	run(t, "/", "ldconfig", "-X", "-C", file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newProcess(context.Background(), DirFS("/"), Program{Path: glibcLoader}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.startLoader(glibcLoader, &elf.Header{Class: debugelf.ELFCLASS64, Machine: debugelf.EM_X86_64, Ident: [16]byte{5: 1}}); err != nil {
		t.Fatal(err)
	}
	entries, err := parseCache(data, r.want)
	if err != nil {
		t.Fatal(err)
	}
	// Compare the results of lookups: of the entries with one key, the first counts.
	got := r.emulateLdconfig()
	want := &cache{entries: entries}
	for _, e := range slices.Concat(entries, got.entries) {
		w := want.first(e.key)
		if g := got.first(e.key); g != w {
			t.Errorf("%s: got %q, ldconfig %q", e.key, g, w)
		}
	}
	t.Logf("%d entries", len(entries))
	if len(entries) == 0 {
		t.Error("the host's cache is empty")
	}
}
