package ldd

import (
	debugelf "debug/elf"
	"reflect"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

func TestReadLoaderConf(t *testing.T) {
	for name, tt := range map[string]struct {
		strs []string
		want loaderConf
		err  string
	}{
		"Debian": {
			strs: []string{"/proc/self/exe", "/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/", "/lib/", "/usr/lib/", "error while loading",
				"/lib/again/", "/etc/ld.so.cache", "lib/x86_64-linux-gnu", "Legacy HWCAP subdirectories under library search path directories:", "glibc-hwcaps",
				"/etc/ld.so.preload", "DT_RELR without GLIBC_ABI_DT_RELR dependency"},
			want: loaderConf{Glibc, []string{"/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/", "/lib/", "/usr/lib/"}, "/etc/ld.so.cache", "lib/x86_64-linux-gnu", true, "", nil, "/etc/ld.so.preload", true},
		},
		"Fedora": {
			strs: []string{"/lib64/", "/usr/lib64/", "/etc/ld.so.cache", "Subdirectories of glibc-hwcaps directories, in priority order:", "x86-64-v4:x86-64-v3:x86-64-v2", "z:power"},
			want: loaderConf{Glibc, []string{"/lib64/", "/usr/lib64/"}, "/etc/ld.so.cache", "lib64", false, "", []string{"x86-64-v4", "x86-64-v3", "x86-64-v2"}, "", false},
		},
		"Arch": {
			strs: []string{"glibc-hwcaps/", "/usr/lib/", "/etc/ld.so.cache"},
			want: loaderConf{Glibc, []string{"/usr/lib/"}, "/etc/ld.so.cache", "lib", false, "", nil, "", false},
		},
		"Nix": {
			strs: []string{"/nix/store/abc-glibc-2.40/lib/", "/nix/store/abc-glibc-2.40/etc/ld.so.cache", "glibc-hwcaps"},
			want: loaderConf{Glibc, []string{"/nix/store/abc-glibc-2.40/lib/"}, "/nix/store/abc-glibc-2.40/etc/ld.so.cache", "lib", false, "", nil, "", false},
		},
		"before 2.33": {
			strs: []string{"/lib/", "/etc/ld.so.cache"},
			want: loaderConf{Glibc, []string{"/lib/"}, "/etc/ld.so.cache", "lib", true, "", nil, "", false},
		},
		"musl": {
			strs: []string{"/lib:/usr/local/lib:/usr/lib", "%.*s/etc/ld-musl-aarch64.path", "/usr/lib/"},
			want: loaderConf{flavour: Musl, trusted: []string{"/usr/lib/"}, arch: "aarch64"},
		},
		"neither": {strs: []string{"/system/bin/linker64"}, err: "neither glibc's nor musl's"},
	} {
		t.Run(name, func(t *testing.T) {
			file := elftest.WithConstants(fakeELF{}.Bytes(), append([]string{"garbage\x01"}, tt.strs...)...)
			f, _ := readFake(t, file)
			got, err := readLoaderConf(f)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestExpand(t *testing.T) {
	all := tokens{origin: "/o", lib: "lib64", platform: "x86_64"}
	for _, tt := range []struct {
		tokens
		in, want string
		ok       bool
	}{
		{all, "/a", "/a", true},
		{all, "$ORIGIN", "/o", true},
		{all, "${ORIGIN}/../$LIB/${PLATFORM}", "/o/../lib64/x86_64", true},
		{all, "$ORIGINAL/$LIBS/$ORIGIN_/$ORIGIN2", "$ORIGINAL/$LIBS/$ORIGIN_/$ORIGIN2", true},
		{all, "${ORIGIN", "${ORIGIN", true},
		{all, "$$ORIGIN$", "$/o$", true},
		{all, "$ORIGIN$ORIGIN.x", "/o/o.x", true},
		{all, "$origin", "$origin", true},
		{tokens{lib: "lib"}, "$ORIGIN/x", "", false},
		{tokens{lib: "lib"}, "$LIB", "lib", true},
	} {
		if got, ok := tt.expand(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("expand(%q) = %q, %t; want %q, %t", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

// The capability folders are those of the oldest CPU, in the order of the loaders up to glibc 2.36.
func TestSubdirs(t *testing.T) {
	for name, tt := range map[string]struct {
		legacy bool
		of     elf.Header
		want   string
	}{
		"glibc of today":  {false, elf.Header{Machine: debugelf.EM_X86_64}, ""},
		"x86-64":          {true, elf.Header{Machine: debugelf.EM_X86_64}, "tls/x86_64/x86_64/ tls/x86_64/ tls/ x86_64/x86_64/ x86_64/ "},
		"i386":            {true, elf.Header{Machine: debugelf.EM_386}, "tls/i686/ tls/ i686/ "},
		"arm64":           {true, elf.Header{Machine: debugelf.EM_AARCH64}, "tls/aarch64/ tls/ aarch64/ "},
		"arm, soft float": {true, elf.Header{Machine: debugelf.EM_ARM}, "tls/v7l/ tls/ v7l/ "},
		"arm, hard float": {true, elf.Header{Machine: debugelf.EM_ARM, Flags: armHardFloat}, "tls/v7l/vfp/ tls/v7l/ tls/vfp/ tls/ v7l/vfp/ v7l/ vfp/ "},
		"s390x":           {true, elf.Header{Machine: debugelf.EM_S390}, "tls/z900/zarch/ tls/z900/ tls/zarch/ tls/ z900/zarch/ z900/ zarch/ "},
		"ppc64le": {true, elf.Header{Machine: debugelf.EM_PPC64}, "tls/power8/altivec/dfp/ tls/power8/altivec/ tls/power8/dfp/ tls/power8/ " +
			"tls/altivec/dfp/ tls/altivec/ tls/dfp/ tls/ power8/altivec/dfp/ power8/altivec/ power8/dfp/ power8/ altivec/dfp/ altivec/ dfp/ "},
		"riscv64": {true, elf.Header{Machine: debugelf.EM_RISCV}, "tls/ "},
	} {
		if got := strings.Join(loaderConf{legacy: tt.legacy}.subdirs(&tt.of), " "); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, tt.want)
		}
	}
}
