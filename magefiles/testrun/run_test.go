package testrun

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The tests run go test on a small module: one package passes and skips, one fails, one does not compile, one hangs.
var packages = map[string]string{
	"good/a_test.go": `package good

import "testing"

func TestPass(t *testing.T) { t.Log("nobody reads this") }

func TestRows(t *testing.T) {
	t.Run("one", func(*testing.T) {})
	t.Run("two", func(t *testing.T) { t.Skip("the command podman is missing") })
}
`,
	"bad/a_test.go": `package bad

import "testing"

func TestPass(t *testing.T) { t.Log("nobody reads this") }

func TestFail(t *testing.T) { t.Error("seven is not eight") }
`,
	"broken/a_test.go": `package broken

import "testing"

func TestPass(t *testing.T) { oops() }
`,
	"panics/a_test.go": `package panics

import "testing"

func TestPanic(t *testing.T) { panic("out of cheese") }
`,
	"hangs/a_test.go": `package hangs

import (
	"testing"
	"time"
)

func TestEarly(t *testing.T) { t.Parallel() }

func TestRow(t *testing.T) {
	t.Run("waits", func(t *testing.T) { t.Log("waiting for a letter"); time.Sleep(time.Hour) })
}`,
}

func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"go.mod": `module example.com/m

go 1.23
`,
	}
	for name, text := range packages {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func runIn(t *testing.T, dir string, o Options) (Summary, string, error) {
	t.Helper()
	var out bytes.Buffer
	o.Dir, o.Out, o.Module = dir, &out, "example.com/m"
	s, err := Run(context.Background(), o)
	t.Log(out.String())
	return s, out.String(), err
}

func wantText(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("the output does not have %q", text)
		}
	}
}

func TestRunPasses(t *testing.T) {
	s, out, err := runIn(t, module(t), Options{Args: []string{"./good"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Counts{Passed: 3, Skipped: 1}); s.Counts != want {
		t.Errorf("counts %v, want %v", s.Counts, want)
	}
	wantText(t, out, "ok    good ", "skipped: the command podman is missing\n    good TestRows/two\n")
	if !strings.HasSuffix(out, "\ntests: 3 passed, 0 failed, 1 skipped\n") {
		t.Error("the last line has no counts")
	}
	if strings.Contains(out, "nobody reads this") {
		t.Error("the output of a test that passed is printed")
	}
}

func TestRunFails(t *testing.T) {
	for _, test := range []struct {
		pkg    string
		counts Counts
		texts  []string
	}{
		{"bad", Counts{Passed: 1, Failed: 1}, []string{"FAIL  bad ", "seven is not eight", "--- FAIL: TestFail"}},
		{"broken", Counts{Failed: 1}, []string{"FAIL  broken ", "undefined: oops"}},
		{"panics", Counts{Failed: 1}, []string{"FAIL  panics ", "out of cheese", "goroutine "}},
	} {
		t.Run(test.pkg, func(t *testing.T) {
			s, out, err := runIn(t, module(t), Options{Args: []string{"./" + test.pkg}})
			if !errors.Is(err, ErrFailed) {
				t.Errorf("the error is %v, want %v", err, ErrFailed)
			}
			if s.Counts != test.counts {
				t.Errorf("counts %v, want %v", s.Counts, test.counts)
			}
			wantText(t, out, test.texts...)
			if strings.Contains(out, "nobody reads this") {
				t.Error("the output of a test that passed is printed")
			}
		})
	}
}

// A pattern that matches no test is a mistake, not a success.
func TestRunWithoutTests(t *testing.T) {
	if _, _, err := runIn(t, module(t), Options{Args: []string{"-run", "^TestNowhere$", "./good"}}); !errors.Is(err, ErrFailed) {
		t.Errorf("the error is %v, want %v", err, ErrFailed)
	}
}

// A test that hangs ends the run. The error has its name and its output.
func TestRunStalls(t *testing.T) {
	_, out, err := runIn(t, module(t), Options{Args: []string{"./good", "./hangs"}, Stall: 10 * time.Second, Beat: time.Second})
	if err == nil {
		t.Fatal("no error")
	}
	wantText(t, err.Error(), "no test has ended for 10s", "hangs TestRow/waits, for ", "waiting for a letter")
	if strings.Contains(err.Error(), "hangs TestRow,") || strings.Contains(err.Error(), "TestEarly") {
		t.Error("the error names a test that only waits for another one")
	}
	wantText(t, out, "goroutine ", "FAIL  hangs ", "running: hangs TestRow/waits ")
}

// A cancelled run ends and leaves no process behind.
func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	began := writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("waiting for a letter")) {
			cancel()
		}
		return len(b), nil
	})
	_, err := Run(ctx, Options{Dir: module(t), Args: []string{"./hangs"}, Out: new(bytes.Buffer), Record: began})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// A heartbeat counts every test once, also while all tests of a package wait and after the package has ended.
func TestHeartbeatCounts(t *testing.T) {
	var out bytes.Buffer
	p, now := newProgress(&out, ""), time.Now()
	for _, e := range []Event{
		{Action: "run", Package: "a", Test: "TestOne"}, {Action: "pass", Package: "a", Test: "TestOne"},
		{Action: "run", Package: "a", Test: "TestTwo"}, {Action: "pause", Package: "a", Test: "TestTwo"},
		{Action: "run", Package: "b", Test: "TestThree"},
	} {
		p.add(e)
	}
	wantText(t, p.heartbeat(now), "1 tests have ended, running: b TestThree")
	p.add(Event{Action: "pass", Package: "a", Test: "TestTwo"})
	p.add(Event{Action: "pass", Package: "a"})
	wantText(t, p.heartbeat(now), "2 tests have ended, running: b TestThree")
}
