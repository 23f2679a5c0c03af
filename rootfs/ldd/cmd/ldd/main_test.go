package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// call runs the command in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

var missing = testkit.Missing

// need skips the test if a command is missing; otherwise it returns its path.
func need(t *testing.T, command string) string {
	t.Helper()
	testkit.Need(t, command)
	path, err := exec.LookPath(command)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// compile compiles C source to a program or library in dir and returns its path.
func compile(t *testing.T, dir, name, source string, args ...string) string {
	t.Helper()
	need(t, "gcc")
	in, out := filepath.Join(dir, name+".c"), filepath.Join(dir, name)
	if err := os.WriteFile(in, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("gcc", append([]string{"-o", out, in}, args...)...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	return out
}

// address matches what ldd(1) prints after each path, and the kernel's own object.
var address = regexp.MustCompile(` \(0x[0-9a-f]+\)|(?m:^\tlinux-vdso.*\n)`)

// The output is that of ldd(1), for programs and for libraries.
func TestAsLdd(t *testing.T) {
	t.Parallel()
	need(t, "ldd")
	for _, name := range []string{"bash", "git", "gcc", "podman", "skopeo", "ffmpeg", "gdalinfo"} {
		path := need(t, name)
		t.Run(name, func(t *testing.T) { compare(t, path) })
	}
	libs, err := filepath.Glob("/usr/lib/*-linux-gnu/lib[c-g]*.so.[0-9]")
	if err != nil || len(libs) < 20 {
		t.Fatalf("only %d libraries: %v", len(libs), err)
	}
	for _, path := range libs[:20] {
		t.Run(filepath.Base(path), func(t *testing.T) { compare(t, path) })
	}
}

func compare(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("ldd", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ldd: %v: %s", err, out)
	}
	code, got, stderr := call(t, path)
	if code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	// ldd(1) lists the loader where it is first asked for, this command at the end.
	want := sortedLines(address.ReplaceAllString(string(out), ""))
	if !slices.Equal(sortedLines(got), want) {
		t.Errorf("got %q\nwant %q", sortedLines(got), want)
	}
}

func sortedLines(s string) []string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// A library that is asked for, or preloaded, by its path has no other name.
func TestAsLddByPath(t *testing.T) {
	t.Parallel()
	need(t, "ldd")
	dir := t.TempDir()
	lib := compile(t, dir, "libanswer.so", "int answer(void) { return 42; }", "-shared", "-fPIC")
	program := compile(t, dir, "app", "int answer(void); int main(void) { return answer() - 42; }", lib)
	compare(t, program)
	if _, out, _ := call(t, program); !strings.Contains(out, "\t"+lib+"\n") {
		t.Errorf("got %q", out)
	}
}

// pair returns a program with a library next to it.
func pair(t *testing.T) (dir, program string) {
	dir = t.TempDir()
	compile(t, dir, "libanswer.so", "int answer(void) { return 42; }", "-shared", "-fPIC")
	program = compile(t, dir, "app", "int answer(void); int main(void) { return answer() - 42; }", "-L"+dir, "-lanswer", "-Wl,-rpath,$ORIGIN")
	return dir, program
}

func TestMissing(t *testing.T) {
	t.Parallel()
	dir, program := pair(t)
	if code, out, errs := call(t, program); code != 0 || !strings.Contains(out, "libanswer.so => "+dir+"/libanswer.so\n") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	if err := os.Remove(filepath.Join(dir, "libanswer.so")); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t, program)
	if code != 1 || !strings.Contains(out, "\tlibanswer.so => not found\n") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	code, out, _ = call(t, "--json", program)
	var files []fileJSON
	if err := json.Unmarshal([]byte(out), &files); err != nil || code != 1 || len(files) != 1 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	if m := files[0].Missing; len(m) != 1 || m[0].Name != "libanswer.so" || len(m[0].Searched) == 0 {
		t.Errorf("missing: %v", m)
	}
	if code, _, _ := call(t, "--copy", filepath.Join(dir, "copy"), program); code != 1 {
		t.Errorf("exit code %d of a copy that cannot start", code)
	}
	if _, err := os.Stat(filepath.Join(dir, "copy")); err == nil {
		t.Error("a copy that cannot start was made")
	}
}

func TestLibraryPath(t *testing.T) {
	dir, _ := pair(t)
	program := compile(t, t.TempDir(), "app", "int answer(void); int main(void) { return answer() - 42; }", "-L"+dir, "-lanswer")
	t.Setenv("LD_LIBRARY_PATH", dir)
	if code, _, _ := call(t, program); code != 1 {
		t.Error("LD_LIBRARY_PATH of the environment is not ignored")
	}
	if code, _, errs := call(t, "--library-path", dir, program); code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir, program := pair(t)
	if code, _, errs := call(t, "--check", program); code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	compile(t, dir, "libanswer.so", "int other(void) { return 42; }", "-shared", "-fPIC")
	code, out, errs := call(t, "--check", program)
	if code != 1 || !strings.Contains(errs, "answer") || !strings.Contains(out, "libanswer.so => ") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

// A copy is a root in which the programs start.
func TestCopy(t *testing.T) {
	t.Parallel()
	dir, program := pair(t)
	if os.Getuid() != 0 {
		missing(t, "the right to chroot")
	}
	bash := need(t, "bash")
	to := filepath.Join(dir, "copy")
	if code, _, errs := call(t, "--copy", to, program, bash); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	mount := exec.Command("chroot", to, bash, "-c", program+" && echo started")
	out, err := mount.CombinedOutput()
	// Without /proc the loader does not know the path of the program.
	if err != nil {
		out, err = exec.Command("unshare", "-mpf", "sh", "-c", "mkdir "+to+"/proc; mount -t proc proc "+to+"/proc && chroot "+to+" "+bash+" -c '"+program+" && echo started'").CombinedOutput()
	}
	if err != nil || !strings.HasSuffix(string(out), "started\n") {
		t.Errorf("%v: %s", err, out)
	}
	if code, _, errs := call(t, "--copy", dir, program); code != 1 || !strings.Contains(errs, "not empty") {
		t.Errorf("exit code %d of a copy to a folder that is not empty: %s", code, errs)
	}
}

// A sysroot for another machine.
func TestRoot(t *testing.T) {
	t.Parallel()
	const root = "/usr/aarch64-linux-gnu"
	need(t, "aarch64-linux-gnu-gcc")
	code, out, errs := call(t, "--root", root, "/lib/libm.so.6")
	if code != 0 || out != "\tlibc.so.6 => /lib/libc.so.6\n\t/lib/ld-linux-aarch64.so.1\n" {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	if _, again, _ := call(t, "--root", root, root+"/lib/libm.so.6"); again != out {
		t.Errorf("by the host's path it is %q, want %q", again, out)
	}
	// A program outside of the root.
	dir := t.TempDir()
	source := filepath.Join(dir, "app.c")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("aarch64-linux-gnu-gcc", "-o", filepath.Join(dir, "app"), source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code, out, errs := call(t, "--root", root, filepath.Join(dir, "app")); code != 0 || !strings.Contains(out, "libc.so.6 => /lib/libc.so.6") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

func TestStatic(t *testing.T) {
	t.Parallel()
	program := compile(t, t.TempDir(), "app", "int main(void) { return 0; }", "-static")
	if code, out, errs := call(t, program); code != 0 || out != "\tstatically linked\n" {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		say  string
	}{
		{nil, 2, "fix: "}, {[]string{"--nonsense"}, 2, "usage: ldd"}, {[]string{"--root", "/none", "x"}, 2, "fix: "},
		{[]string{"/none/at/all"}, 1, "/none/at/all"}, {[]string{"main_test.go"}, 1, "not an ELF file"}, {[]string{"--help"}, 0, "usage: ldd"},
	} {
		if code, _, errs := call(t, c.args...); code != c.code || !strings.Contains(errs, c.say) {
			t.Errorf("%q: exit code %d, %q", c.args, code, errs)
		}
	}
	// One bad file does not hide the others.
	need(t, "bash")
	code, out, _ := call(t, "/none", "/bin/bash")
	if code != 1 || !strings.Contains(out, "/bin/bash:\n") || !strings.Contains(out, "libc.so.6 => ") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
