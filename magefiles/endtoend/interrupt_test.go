//go:build unix

package endtoend_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// sleeper is a program that prints when it is ready, and which signal it gets. The signal
// ends it, unless it has an argument.
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

// A run leaves no container and no process, however it ends.
func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		to     string // "mage", "target" or "group"; a terminal signals the group
		says   string
		code   int // exit code of mage; -1 if the signal ended it
	}{
		{"Ctrl-C", syscall.SIGINT, "group", "got interrupt", 7},
		{"SIGTERM to the target", syscall.SIGTERM, "target", "got terminated", 7},
		{"SIGTERM to all", syscall.SIGTERM, "group", "got terminated", -1},
		{"SIGHUP to all", syscall.SIGHUP, "group", "got terminated", -1},
		{"SIGTERM to mage", syscall.SIGTERM, "mage", "got terminated", -1},
		{"SIGKILL to mage", syscall.SIGKILL, "mage", "got terminated", -1},
		{"SIGKILL to the target", syscall.SIGKILL, "target", "got terminated", 255},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			name := "fromscratch-test-" + strings.ToLower(strings.ReplaceAll(test.name, " ", "-"))
			dir := project(t, map[string]string{"main.go": sleeper, "magefile.go": magefileWith(`Name: "` + name + `"`)})
			removeImages(t, name+":"+tag)
			s := begin(t, mageCommand(t, dir, nil, "imageRun"))
			s.says("ready\n", 1)
			mage := s.cmd.Process.Pid
			target := child(t, mage)
			worker := child(t, target)
			pid := map[string]int{"group": -mage, "target": target, "mage": mage}[test.to]
			if err := syscall.Kill(pid, test.signal); err != nil {
				t.Fatal(err)
			}
			s.says(test.says+"\n", 1)
			if code := s.wait(); code != test.code {
				t.Errorf("mage ended with %d, want %d", code, test.code)
			}
			for _, pid := range []int{target, worker} {
				testkit.WaitFor(t, "all processes to end", func() bool { return syscall.Kill(pid, 0) != nil })
			}
			if left := docker(t, "ps", "-aq", "--filter", "ancestor="+name+":"+tag); left != "" {
				t.Errorf("containers are left: %s", left)
			}
		})
	}
}

// A build that is interrupted in a Before function or in the linker leaves no archive, no
// temporary file and no process. Its exit code says that it was interrupted.
func TestBuildInterrupted(t *testing.T) {
	t.Parallel()
	const before = `Build: targets.Build{Before: func(ctx context.Context, _ targets.BuildInfo) error {
		os.WriteFile(FILE, []byte("0"), 0o644)
		<-ctx.Done()
		return ctx.Err()
	}}`
	const deaf = `Build: targets.Build{Before: func(context.Context, targets.BuildInfo) error {
		os.WriteFile(FILE, []byte("0"), 0o644)
		select {}
	}}`
	for _, test := range []struct {
		name   string
		config string
		signal syscall.Signal
		args   []string
		code   int
	}{
		{"SIGINT in a function", before, syscall.SIGINT, nil, 130},
		{"SIGTERM in a function", before, syscall.SIGTERM, nil, 130},
		{"SIGHUP in a function", before, syscall.SIGHUP, nil, 130},
		{"SIGTERM in a function that ignores its context", deaf, syscall.SIGTERM, nil, 130},
		{"mage -t in a function", before, 0, []string{"-t", "30s"}, 1},
		{"SIGINT in the linker", "", syscall.SIGINT, nil, 130},
		{"SIGTERM in the linker", "", syscall.SIGTERM, nil, 130},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// The function or the linker writes this file when it runs.
			file := filepath.Join(t.TempDir(), "under-way")
			linker := filepath.Join(t.TempDir(), "slow")
			script := "#!/bin/sh\ncase \"$1 $2\" in */link\\ -V=full) ;; */link\\ *) echo $$ > " + file + ".new; mv " + file + ".new " + file + "; exec sleep 1000;; esac\nexec \"$@\"\n"
			if err := os.WriteFile(linker, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			config := strings.ReplaceAll(test.config, "FILE", strconv.Quote(file))
			if config == "" {
				config = "Build: targets.Build{Flags: []string{\"-toolexec=" + linker + "\"}}"
			}
			dir := project(t, map[string]string{"magefile.go": magefileWith(config)})
			mage(t, dir, nil, "imageClean").wantOK(t) // compiles the magefile and the worker, so that this does not count for mage -t
			s := begin(t, mageCommand(t, dir, nil, append(test.args, "imageArchive")...))
			var content []byte
			testkit.WaitFor(t, "the build to be under way", func() bool { content, _ = os.ReadFile(file); return len(content) > 0 }, s.text)
			at, err := strconv.Atoi(strings.TrimSpace(string(content))) // process ID of the linker; 0 in a function
			if err != nil {
				t.Fatal(err)
			}
			target := child(t, s.cmd.Process.Pid)
			worker := child(t, target)
			if test.signal != 0 {
				if err := syscall.Kill(target, test.signal); err != nil {
					t.Fatal(err)
				}
			}
			if code := s.wait(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, pid := range []int{target, worker, at} {
				if pid > 0 {
					testkit.WaitFor(t, "all processes to end", func() bool { return syscall.Kill(pid, 0) != nil })
				}
			}
			wantNoLeftovers(t, dir)
		})
	}
}

// imageApply ends kubectl when it is interrupted, also one that does not want to, and stops reading manifests that do not end.
func TestApplyInterrupted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		script string // of kubectl, before it sleeps
		file   string // of manifests
		signal syscall.Signal
		to     string
		code   int
	}{
		{"Ctrl-C", "", "k.yaml", syscall.SIGINT, "group", 130},
		{"SIGTERM to the target", "", "k.yaml", syscall.SIGTERM, "target", 130},
		{"SIGKILL to mage", "", "k.yaml", syscall.SIGKILL, "mage", -1},
		{"a deaf kubectl", "trap '' INT", "k.yaml", syscall.SIGTERM, "target", 130},
		{"an endless input", "", "-", syscall.SIGTERM, "target", 130},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, map[string]string{"k.yaml": "a: b\n", "bin/kubectl": "#!/bin/sh\n" + test.script + "\necho ready $$\nexec sleep 1000\n"})
			if err := os.Chmod(filepath.Join(dir, "bin/kubectl"), 0o755); err != nil {
				t.Fatal(err)
			}
			path := "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")
			mage(t, dir, nil, "imageClean").wantOK(t) // compiles the magefile and the worker
			cmd := mageCommand(t, dir, []string{path}, "imageApply", "--", "-f", test.file)
			input, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer input.Close()
			s := begin(t, cmd)
			var kubectl int
			if test.file != "-" {
				s.says("ready ", 1)
				_, after, _ := strings.Cut(s.text(), "ready ")
				if kubectl, err = strconv.Atoi(strings.Fields(after)[0]); err != nil {
					t.Fatal(err)
				}
			} else {
				testkit.WaitFor(t, "the target to run", func() bool { return exec.Command("pgrep", "-P", strconv.Itoa(cmd.Process.Pid)).Run() == nil })
			}
			target := child(t, cmd.Process.Pid)
			pid := map[string]int{"group": -cmd.Process.Pid, "target": target, "mage": cmd.Process.Pid}[test.to]
			if err := syscall.Kill(pid, test.signal); err != nil {
				t.Fatal(err)
			}
			if code := s.wait(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, pid := range []int{target, kubectl} {
				if pid > 0 {
					testkit.WaitFor(t, "all processes to end", func() bool { return syscall.Kill(pid, 0) != nil })
				}
			}
		})
	}
}

// If processes of a run are killed while a builder compiles, the container ends, with its compiler, and so do all other
// processes.
func TestHeavyBuilderKilled(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	var endless strings.Builder
	endless.WriteString("package main\n\nvar t = map[string]func(int) int{\n")
	for i := range 30000 {
		fmt.Fprintf(&endless, "\t\"k%d\": func(a int) int { return a*%[1]d },\n", i)
	}
	endless.WriteString("}\n\nfunc main() { println(len(t)) }\n")
	builder := buildertest.Image(t)
	for _, test := range []struct {
		name string
		all  bool // false is mage alone
	}{{"mage", false}, {"all", true}} {
		t.Run(test.name, func(t *testing.T) {
			dir := builderProject(t, builder, "", "")
			if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(endless.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			s := begin(t, mageCommand(t, dir, []string{ownCache(t)}, "imageArchive"))
			id := ""
			testkit.WaitFor(t, "the compiler to run in a builder", func() bool {
				if id = strings.TrimSpace(docker(t, "ps", "-q", "--filter", "volume="+dir)); id == "" {
					return false
				}
				out, err := exec.Command("docker", "top", id, "-o", "pid,args").Output()
				return err == nil && strings.Contains(string(out), "/compile ") && strings.Contains(string(out), "-p main ")
			}, s.text)
			target := child(t, s.cmd.Process.Pid)
			worker := child(t, target)
			pids := []int{s.cmd.Process.Pid}
			if test.all {
				pids = append(pids, target, worker)
			}
			for _, pid := range pids {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			s.wait()
			testkit.WaitFor(t, "the container to be gone", func() bool { return docker(t, "ps", "-aq", "--filter", "volume="+dir) == "" }, s.text)
			for _, pid := range []int{target, worker} {
				testkit.WaitFor(t, "all processes to end", func() bool { return syscall.Kill(pid, 0) != nil })
			}
		})
	}
}

// wantNoLeftovers checks that an interrupted build has left no files in dist.
func wantNoLeftovers(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "dist"), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !e.IsDir() && !slices.Contains([]string{".gitignore", ".lock", "go.mod"}, e.Name()) {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// child returns the only child of a process, as the compiled magefile is of mage.
func child(t *testing.T, pid int) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	if err != nil {
		testkit.Missing(t, "pgrep")
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("process %d has the children %q, want one", pid, out)
	}
	return id
}

// If the reader of its output ends, the program ends and leaves no container.
func TestRunReaderGone(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	const chatty = `package main

import "fmt"

func main() {
	for i := 0; ; i++ {
		fmt.Println("line", i)
	}
}
`
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
	late := time.AfterFunc(testkit.Patience, func() {
		t.Errorf("imageRun has not ended after %s", testkit.Patience)
		_ = cmd.Process.Kill()
		out.Close()
	})
	defer late.Stop()
	if got, err := bufio.NewReader(out).ReadString('\n'); got != "line 0\n" {
		t.Errorf("the program prints %q (%v)", got, err)
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

// Runs at the same time in one folder wait for each other, and all succeed. They use a
// compiled magefile, because mage cannot compile twice at once in one folder.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	dir := project(t, nil)
	mage(t, dir, nil, "-compile", "targets").wantOK(t)
	var running []*exec.Cmd
	for range 3 {
		cmd := command(t, dir, nil, filepath.Join(dir, "targets"), "imageArchive")
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

// A source file is edited between the starts of two concurrent runs. However far the first one is, the final image is that
// of the last edit, and a third run does not use outdated state of the first.
func TestTwoRunsAtOnceWithAnEditBetween(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	const name = "fromscratch-test-edited"
	says := func(word string) string { return fmt.Sprintf("package main\n\nfunc main() { println(%q) }\n", word) }
	dir := project(t, map[string]string{"main.go": says("first"), "magefile.go": magefileWith(`Name: "` + name + `"`)})
	removeImages(t, name+":"+tag)
	mage(t, dir, nil, "-compile", "targets").wantOK(t)
	image := func() *exec.Cmd {
		cmd := command(t, dir, nil, filepath.Join(dir, "targets"), "image")
		cmd.Stderr = os.Stderr
		return cmd
	}
	start := func() *exec.Cmd {
		cmd := image()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	edit := func(word string) {
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(says(word)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wants := func(word string) {
		t.Helper()
		out, err := exec.Command("docker", "run", "--rm", name+":"+tag).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != word {
			t.Errorf("the image prints %q, want %q (%v)", got, word, err)
		}
	}
	if err := image().Run(); err != nil { // the first run compiles the worker
		t.Fatal(err)
	}
	for _, later := range []time.Duration{30 * time.Millisecond, 150 * time.Millisecond, 400 * time.Millisecond} {
		before, after := fmt.Sprint("before ", later), fmt.Sprint("after ", later)
		edit(before)
		one := start()
		time.Sleep(later)
		edit(after)
		two := start()
		if err := errors.Join(one.Wait(), two.Wait()); err != nil {
			t.Error(err)
		}
		wants(after)
		if err := image().Run(); err != nil {
			t.Error(err)
		}
		wants(after)
	}
}
