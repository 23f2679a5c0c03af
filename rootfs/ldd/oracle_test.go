//go:build linux && amd64

package ldd

import (
	"context"
	debugelf "debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// oldCPU makes glibc treat the machine as a baseline CPU, for $PLATFORM; see "ld.so --list-tunables".
const oldCPU = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX512F,-AVX512F_Usable,-AVX512ER,-AVX512CD"

// oracle returns what the real loader would load for a program. It does not run the program: it starts the
// loader as a command, with LD_TRACE_LOADED_OBJECTS for glibc and --list for musl. The result is "name => path"
// in load order, without the loader itself, then "missing NAME" lines.
func oracle(t *testing.T, c *Closure, program string, sys *exec.Cmd, env ...string) ([]string, error) {
	t.Helper()
	args := []string{program}
	if c.Flavour == Musl {
		args = []string{"--list", program}
	}
	cmd := exec.Command(c.Loader, args...)
	if sys != nil {
		cmd.SysProcAttr, cmd.Dir = sys.SysProcAttr, sys.Dir
	}
	cmd.Env = append([]string{"LD_TRACE_LOADED_OBJECTS=1"}, env...)
	if c.Flavour == Musl {
		cmd.Env = env
	}
	out, err := cmd.CombinedOutput()
	lines := parseTrace(c, string(out))
	var failed *exec.ExitError
	if errors.As(err, &failed) && c.Flavour == Musl {
		err = nil // it exits with 127 if something is missing, and lists the rest
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return lines, err
}

// parseTrace reads the output of the loaders.
func parseTrace(c *Closure, out string) []string {
	var lines, missing []string
	for _, line := range strings.Split(out, "\n") {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " (0x")
		if name, ok := strings.CutPrefix(line, "Error loading shared library "); ok {
			name, _, _ = strings.Cut(name, ":")
			missing = append(missing, "missing "+name)
			continue
		}
		if name, ok := strings.CutPrefix(line, "ERROR: ld.so: object '"); ok {
			if name, why, _ := strings.Cut(name, "'"); strings.Contains(why, "cannot open shared object file") {
				missing = append(missing, "missing "+name)
			}
			continue
		}
		if strings.Contains(line, ": version `") || strings.Contains(line, "no version information") {
			continue
		}
		name, path, ok := strings.Cut(line, " => ")
		if !ok {
			path = name // a library that was asked for by its path
		}
		switch {
		case name == "" || name == "statically linked" || strings.HasPrefix(name, "linux-vdso"):
		case strings.HasPrefix(name, "linux-gate"), name == c.Loader, path == c.Loader:
		case path == "not found":
			missing = append(missing, "missing "+name)
		default:
			lines = append(lines, name+" => "+path)
		}
	}
	slices.Sort(missing)
	return append(lines, slices.Compact(missing)...)
}

// traced returns a closure in the format of oracle.
func traced(c *Closure, err error) []string {
	var lines, missing []string
	for _, o := range c.Objects[1:] {
		// glibc opens libgcc_s.so.1 later than a trace shows.
		if o.Path != c.Loader && !strings.HasPrefix(o.By, "opened by") {
			lines = append(lines, o.Name+" => "+o.Path)
		}
	}
	for _, o := range c.Optional {
		if o.Soname != libgcc {
			missing = append(missing, "missing "+o.Soname)
		}
	}
	var m *MissingError
	if errors.As(err, &m) {
		for _, e := range m.Missing {
			missing = append(missing, "missing "+e.Soname)
		}
	}
	slices.Sort(missing)
	return append(lines, slices.Compact(missing)...)
}

// Every program of the machine resolves to what the real loader loads: the same names and paths in the same
// order.
func TestHeavyOracleAllPrograms(t *testing.T) {
	compared := askAboutPrograms(t, hostFiles(t, isProgram, programFolders...))
	atLeast(t, compared, 400, "programs")
}

// programFolders are the folders of the machine with programs, and libraryFolders those with libraries.
var (
	programFolders = []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/libexec", "/usr/lib", "/opt"}
	libraryFolders = []string{"/usr/lib", "/usr/local/lib", "/opt"}
)

// The same for a sample of the programs and libraries.
func TestOracleSample(t *testing.T) {
	t.Parallel()
	const one = 40 // of this many
	sample := func(files []string) []string {
		var some []string
		for i := 0; i < len(files); i += one {
			some = append(some, files[i])
		}
		return some
	}
	compared := askAboutPrograms(t, sample(hostFiles(t, isProgram, "/usr/bin", "/usr/sbin")))
	atLeast(t, compared, 5, "programs")
	if _, err := os.Stat(glibcLoader); err != nil {
		skip(t, "glibc's loader is not installed")
	}
	libs := sample(hostFiles(t, isLibrary, libraryFolders...))
	askAboutLibraries(t, libs)
	atLeast(t, len(libs), 10, "libraries")
}

// askAboutPrograms compares programs with the real loader and returns the number of programs.
func askAboutPrograms(t *testing.T, programs []string) int {
	t.Helper()
	var compared, static, foreign atomic.Int32
	each(programs, func(name string) {
		c, err := Resolve(context.Background(), DirFS("/"), Program{Path: name}, Env{})
		var missing *NotFoundError
		switch {
		case c != nil && c.Flavour == Static:
			static.Add(1)
			return
		case c == nil && errors.As(err, &missing) && !exists(missing.Soname) && strings.HasPrefix(missing.Soname, "/"):
			// A program for another machine whose loader is not installed: it cannot be compared.
			foreign.Add(1)
			t.Logf("%s: has no interpreter %s", name, missing.Soname)
			return
		case c == nil:
			t.Error(err)
			return
		}
		compared.Add(1)
		want, oracleErr := oracle(t, c, name, nil)
		if oracleErr != nil {
			t.Errorf("%s: the loader: %v", name, oracleErr)
			return
		}
		if got := traced(c, err); !slices.Equal(got, want) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	})
	t.Logf("agreement: %d programs, %d left out because they are static and %d because their interpreter is not on this machine",
		compared.Load(), static.Load(), foreign.Load())
	return int(compared.Load())
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// Libraries are traced like programs, because dlopen would search for their dependencies in the same way. More
// of them have their own search paths.
func TestHeavyOracleAllLibraries(t *testing.T) {
	if _, err := os.Stat(glibcLoader); err != nil {
		skip(t, "glibc's loader is not installed")
	}
	libs, all := hostFiles(t, isLibrary, libraryFolders...), hostFiles(t, isAnyLibrary, libraryFolders...)
	askAboutLibraries(t, libs)
	t.Logf("agreement: %d libraries, %d left out because they are for another machine, for musl, or have no dynamic section", len(libs), len(all)-len(libs))
	atLeast(t, len(libs), 1000, "libraries")
}

// askAboutLibraries compares libraries with the real loader.
func askAboutLibraries(t *testing.T, libs []string) {
	t.Helper()
	each(libs, func(name string) {
		c, err := resolveLibrary(name)
		if c == nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		want, oracleErr := oracle(t, c, name, nil)
		if oracleErr != nil {
			t.Errorf("%s: the loader: %v", name, oracleErr)
			return
		}
		if got := traced(c, err); !slices.Equal(got, want) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	})
}

// resolveLibrary resolves a library as the first object of a process.
func resolveLibrary(name string) (*Closure, error) {
	return Resolve(context.Background(), DirFS("/"), Program{Path: name, Interpreter: glibcLoader}, Env{})
}

// isAnyLibrary reports whether a file is an ELF file with the name of a library.
func isAnyLibrary(name string) bool {
	if !strings.Contains(filepath.Base(name), ".so") {
		return false
	}
	_, err := Interpreter(name) // fails for a file that is not ELF
	return err == nil
}

func isLibrary(name string) bool {
	if !strings.Contains(filepath.Base(name), ".so") || strings.Contains(name, "musl") {
		return false
	}
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	e, err := elf.Read(f, info.Size())
	if err != nil || e.Type != debugelf.ET_DYN || e.Machine != debugelf.EM_X86_64 || e.Class != debugelf.ELFCLASS64 {
		return false
	}
	_, err = e.Dynamic()
	return err == nil
}

// each calls f for all values, in parallel on all processors.
func each[T any](values []T, f func(T)) {
	var wg sync.WaitGroup
	work := make(chan T)
	for range runtime.NumCPU() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for v := range work {
				f(v)
			}
		}()
	}
	for _, v := range values {
		work <- v
	}
	close(work)
	wg.Wait()
}

// hostFiles lists files of folders, each once and by its real path, because glibc's loader before 2.42 takes
// $ORIGIN from the path as given when it is run as a command.
func hostFiles(t *testing.T, want func(string) bool, dirs ...string) []string {
	t.Helper()
	seen := map[string]bool{}
	var out []string
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // skip a folder that cannot be read
			}
			real, err := filepath.EvalSymlinks(name)
			if err != nil || seen[real] {
				return nil
			}
			seen[real] = true
			if want(real) {
				out = append(out, real)
			}
			return nil
		})
	}
	return out
}

func isProgram(name string) bool {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	e, err := elf.Read(f, info.Size())
	if err != nil {
		return false
	}
	interp, err := e.Interp()
	return err == nil && (interp != "" || !strings.Contains(name, ".so"))
}

// inDir returns a process in a folder.
func inDir(dir string) *exec.Cmd { return &exec.Cmd{Dir: dir} }
