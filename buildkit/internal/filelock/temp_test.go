package filelock_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
)

// tempIn makes this test binary a process that makes a temporary folder and waits to be killed.
const tempIn = "FROMSCRATCH_TEST_TEMP_IN"

// The folder of a killed process is removed by the next one. Folders of running processes stay, and so does anything
// else with such a name.
func TestMakeTemp(t *testing.T) {
	if dir := os.Getenv(tempIn); dir != "" {
		temp, err := filelock.MakeTemp(dir, "work-")
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("made " + temp.Path + "\n")
		time.Sleep(time.Hour)
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func() (kill func(), path string) {
		cmd := exec.Command(self, "-test.run=^TestMakeTemp$")
		cmd.Env = append(os.Environ(), tempIn+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
		t.Cleanup(kill)
		line, err := bufio.NewReader(out).ReadString('\n')
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "made ")
		if !ok {
			t.Fatalf("the process says %q (%v)", line, err)
		}
		return kill, path
	}
	kill, dead := start()
	_, alive := start()
	kill()
	file, young, old := filepath.Join(dir, "work-file"), filepath.Join(dir, "work-young"), filepath.Join(dir, "work-old")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{young, old} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	temp, err := filelock.MakeTemp(dir, "work-")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, path string
		stays      bool
	}{
		{"of a process that was killed", dead, false}, {"of one that lives", alive, true}, {"a file", file, true},
		{"one that has no lock yet", young, true}, {"an old one without a lock", old, false}, {"the new one", temp.Path, true},
	} {
		if _, err := os.Lstat(test.path); (err == nil) != test.stays {
			t.Errorf("%s is there: %v, want %v", test.name, err == nil, test.stays)
		}
	}
	if err := temp.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(temp.Path); err == nil {
		t.Error("the folder is there after its removal")
	}
}
