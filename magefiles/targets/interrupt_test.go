//go:build unix

package targets_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// sleeper is a program that says when it is ready, what signal it got, and can
// be told to ignore it.
const sleeper = `package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	fmt.Println("ready")
	for s := range signals {
		fmt.Println("got", s)
		if len(os.Args) > 1 {
			continue
		}
		os.Exit(7)
	}
}
`

// However a run ends, it leaves no container and no process.
func TestRunInterrupted(t *testing.T) {
	needEngine(t)
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		to     string // "mage", "target" or "both", as a terminal does
		says   string
		code   int // of mage; -1: ended by the signal
	}{
		{"Ctrl-C", syscall.SIGINT, "both", "got interrupt", 7},
		{"SIGTERM to the target", syscall.SIGTERM, "target", "got terminated", 7},
		{"mage killed", syscall.SIGTERM, "mage", "", -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := "fromscratch-test-" + strings.ToLower(strings.ReplaceAll(test.name, " ", "-"))
			dir := project(t, map[string]string{"main.go": sleeper, "magefile.go": magefileWith(`Name: "` + name + `"`)})
			removeImages(t, name+":"+tag)
			cmd := mageCommand(t, dir, nil, "imageRun")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(out)
			if got := line(t, r); got != "ready" {
				t.Fatalf("the program says %q, want ready", got)
			}
			target := child(t, cmd.Process.Pid)
			pid := map[string]int{"both": -cmd.Process.Pid, "target": target, "mage": cmd.Process.Pid}[test.to]
			if err := syscall.Kill(pid, test.signal); err != nil {
				t.Fatal(err)
			}
			if test.says != "" && line(t, r) != test.says {
				t.Errorf("the program does not say %q", test.says)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("mage ended with %d, want %d", code, test.code)
			}
			waitFor(t, "the target to end", func() bool { return syscall.Kill(target, 0) != nil })
			if left := docker(t, "ps", "-aq", "--filter", "ancestor="+name+":"+tag); left != "" {
				t.Errorf("containers are left: %s", left)
			}
		})
	}
}

// A build that is interrupted leaves no archive, no temporary file and no child,
// and says so with its exit code.
func TestBuildInterrupted(t *testing.T) {
	t.Parallel()
	const before = `Before: func(ctx context.Context, dir string) error {
		fmt.Println("building")
		<-ctx.Done()
		return ctx.Err()
	}`
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		args   []string
		code   int
	}{
		{"SIGINT", syscall.SIGINT, nil, 130},
		{"SIGTERM", syscall.SIGTERM, nil, 130},
		{"SIGHUP", syscall.SIGHUP, nil, 130},
		{"mage -t", 0, []string{"-t", "2s"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, map[string]string{"magefile.go": magefileWith(before)})
			cmd := mageCommand(t, dir, nil, append(test.args, "imageArchive")...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(out)
			if got := line(t, r); got != "building" {
				t.Fatalf("the hook says %q", got)
			}
			if test.signal != 0 {
				if err := syscall.Kill(child(t, cmd.Process.Pid), test.signal); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			entries, err := filepath.Glob(filepath.Join(dir, "dist/hello/*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !slices.Contains([]string{".gitignore", ".lock", "go.mod", "rootfs"}, filepath.Base(e)) {
					t.Errorf("%s is left", e)
				}
			}
		})
	}
}

// child is the only child of a process: the compiled magefile below mage.
func child(t *testing.T, pid int) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	if err != nil {
		missing(t, "pgrep")
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("mage has not one child but %q", out)
	}
	return id
}

// A reader that goes away ends the program, and leaves no container.
func TestRunReaderGone(t *testing.T) {
	needEngine(t)
	const chatty = "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfor i := 0; ; i++ {\n\t\tfmt.Println(\"line\", i)\n\t}\n}\n"
	const name = "fromscratch-test-chatty"
	dir := project(t, map[string]string{"main.go": chatty, "magefile.go": magefileWith(`Name: "` + name + `"`)})
	removeImages(t, name+":"+tag)
	cmd := mageCommand(t, dir, nil, "imageRun")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := line(t, bufio.NewReader(out)); got != "line 0" {
		t.Errorf("the program says %q", got)
	}
	out.Close()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code == 0 {
		t.Error("mage reports success")
	}
	if left := docker(t, "ps", "-aq", "--filter", "ancestor="+name+":"+tag); left != "" {
		t.Errorf("containers are left: %s", left)
	}
}

// Two runs at once in one folder wait for each other and both succeed. They are
// runs of a compiled magefile: mage itself cannot compile twice at once in one
// folder.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	dir := project(t, nil)
	mage(t, dir, nil, "-compile", "targets").wantOK(t)
	var running []*exec.Cmd
	for range 3 {
		cmd := command(dir, nil, filepath.Join(dir, "targets"), "imageArchive")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	wantRootfs(t, dir)
}
