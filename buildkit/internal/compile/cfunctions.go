package compile

import (
	"os"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// zoneReaders are the functions of C that read time zones, see tzset(3), strftime(3) and wcsftime(3). The first one that a program
// imports is named, so the most telling ones come first. The last ones are those of musl and of 32-bit programs of glibc, for times of
// 64 bits.
var zoneReaders = []string{
	"localtime", "localtime_r", "mktime", "tzset", "timelocal", "ctime", "ctime_r", "tzalloc", "localtime_rz", "mktime_z",
	"strftime", "strftime_l", "wcsftime", "wcsftime_l",
	"__localtime64", "__localtime64_r", "__mktime64", "__ctime64", "__ctime64_r",
}

// starters are the functions of C that start other programs, see system(3), popen(3), posix_spawn(3) and exec(3).
var starters = []string{
	"system", "popen", "posix_spawn", "posix_spawnp", "execl", "execlp", "execle", "execv", "execvp", "execvpe", "execve", "fexecve", "wordexp",
}

// cNeeds returns what the C code of a program looks for in a file system, as far as the functions tell that it imports. Those of its
// libraries do not count, because most libraries that import one never call it. A file that can't be read has no needs here: what looks
// for its libraries reports it.
func cNeeds(path string) []linked.Need {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() // opened for reading only
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	program, err := elf.Read(f, info.Size())
	if err != nil {
		return nil
	}
	var needs []linked.Need
	for _, n := range []struct {
		kind      linked.Kind
		functions []string
	}{{linked.Zones, zoneReaders}, {linked.Programs, starters}} {
		if imported, err := program.Imports(n.functions); err == nil && len(imported) > 0 {
			needs = append(needs, linked.Need{Kind: n.kind, Why: imported[0] + " of C is imported"})
		}
	}
	return needs
}
