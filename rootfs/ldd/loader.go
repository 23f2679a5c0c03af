package ldd

import (
	debugelf "debug/elf"
	"errors"
	"path"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// loaderConf is the configuration that a distribution compiled into its loader.
type loaderConf struct {
	flavour Flavour
	trusted []string // folders searched last, "/lib/x86_64-linux-gnu/"
	cache   string   // "/etc/ld.so.cache"; "" if the loader reads none
	lib     string   // value of $LIB, "lib/x86_64-linux-gnu"
	legacy  bool     // searches hwcaps folders such as tls/x86_64 (glibc before 2.37)
	arch    string   // of /etc/ld-musl-ARCH.path
	levels  []string // of glibc-hwcaps folders, best first: "x86-64-v4", "x86-64-v3", "x86-64-v2"
	preload string   // "/etc/ld.so.preload"
	relr    bool     // rejects DT_RELR without GLIBC_ABI_DT_RELR
}

// maxLoader limits how much of a loader's binary is read. Real ones are below one megabyte.
const maxLoader = 16 << 20

// readLoaderConf finds the configuration among the strings of a loader's binary. A table of distributions would
// be shorter but wrong: Debian, its multilib packages, Fedora, Arch and Nix all set different folders.
func readLoaderConf(f *elf.File) (loaderConf, error) {
	var conf loaderConf
	strs, err := constants(f)
	if err != nil {
		return conf, err
	}
	seen := map[string]bool{}
	// SYSTEM_DIRS is one array of NUL-terminated strings, so its elements follow each other. The linker may
	// leave a second copy; the first one is used.
	var run, levels bool
	for _, s := range strs {
		seen[s] = true
		switch {
		case isTrustedDir(s) && (run || conf.trusted == nil):
			conf.trusted, run = append(conf.trusted, s), true
			continue
		case strings.HasPrefix(s, "/") && strings.HasSuffix(s, "/ld.so.cache"):
			conf.cache = s
		case strings.HasPrefix(s, "/") && strings.HasSuffix(s, "/ld.so.preload"):
			conf.preload = s
		case strings.HasPrefix(s, "DT_RELR without "+relrVersion):
			conf.relr = true
		case strings.Contains(s, "Legacy HWCAP subdirectories"):
			conf.legacy = true
		case strings.Contains(s, "glibc-hwcaps"):
			levels = true
		case isLevels(s):
			conf.levels = strings.Split(s, ":")
		}
		run = false
		if arch, ok := muslArch(s); ok {
			conf.flavour, conf.arch = Musl, arch
		}
	}
	if conf.flavour == Musl {
		return conf, nil // its default folders are constant, see muslDefault
	}
	if len(conf.trusted) == 0 {
		return conf, errors.New("it is neither glibc's nor musl's loader: no library folders are named in it")
	}
	conf.flavour = Glibc
	// glibc before 2.33 has no glibc-hwcaps folders, only the legacy ones. The text of --help names
	// glibc-hwcaps even if the code does not.
	conf.legacy = conf.legacy || !levels
	conf.lib = libToken(conf.trusted[0], seen)
	return conf, nil
}

// constants returns the strings in the read-only segments. If a string does not begin after a NUL, its
// printable tail is returned.
func constants(f *elf.File) ([]string, error) {
	var out []string
	left := uint64(maxLoader)
	for _, p := range f.Progs {
		if p.Type != debugelf.PT_LOAD || p.Flags&debugelf.PF_W != 0 {
			continue
		}
		if p.Filesz > left {
			return nil, errors.New("it is too large for a loader")
		}
		left -= p.Filesz
		buf, err := f.Bytes(p.Off, p.Filesz)
		if err != nil {
			return nil, err
		}
		start := 0
		for i, c := range buf {
			switch {
			case c == 0, c == '\n': // the texts of --help have several lines
				if i > start {
					out = append(out, string(buf[start:i]))
				}
				start = i + 1
			case c < ' ' || c > '~':
				start = i + 1 // not text: what precedes it is something else
			}
		}
	}
	return out, nil
}

// isTrustedDir reports whether a string is an element of glibc's SYSTEM_DIRS, see elf/gen-trusted-dirs.awk.
func isTrustedDir(s string) bool {
	return len(s) > 2 && s[0] == '/' && strings.HasSuffix(s, "/") && strings.Contains(s, "lib") &&
		!strings.Contains(s, "glibc-hwcaps") && !strings.ContainsAny(s, " %:")
}

// isLevels reports whether a string is _dl_hwcaps_subdirs of glibc's sysdeps/*/dl-hwcaps_subdirs.c:
// "x86-64-v4:x86-64-v3:…", "power10:power9", "z16:z15:z14:z13".
func isLevels(s string) bool {
	for _, name := range strings.Split(s, ":") {
		rest, ok := "", false
		for _, family := range []string{"x86-64-v", "power", "z"} {
			if rest, ok = strings.CutPrefix(name, family); ok {
				break
			}
		}
		if rest == "" || strings.Trim(rest, "0123456789") != "" {
			return false
		}
	}
	return strings.Contains(s, ":")
}

// muslArch returns the architecture in the name of musl's path file, "%.*s/etc/ld-musl-x86_64.path".
func muslArch(s string) (string, bool) {
	_, s, ok := strings.Cut(s, "/etc/ld-musl-")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, ".path")
}

// libToken returns the value of $LIB. glibc's build derives it from the first trusted folder: Debian keeps
// several elements of its path, others only the last one.
func libToken(trusted string, seen map[string]bool) string {
	dir := strings.Trim(trusted, "/")
	if seen[dir] {
		return dir
	}
	return path.Base(dir)
}

// platforms are the values of $PLATFORM on the oldest CPU of each architecture: the kernel's AT_PLATFORM, see
// getauxval(3).
var platforms = map[debugelf.Machine]string{
	debugelf.EM_X86_64:    "x86_64",
	debugelf.EM_386:       "i686",
	debugelf.EM_AARCH64:   "aarch64",
	debugelf.EM_ARM:       "v7l",
	debugelf.EM_S390:      "z900",
	debugelf.EM_PPC64:     "power8",
	debugelf.EM_LOONGARCH: "loongarch",
}
