// Bench measures how long mage takes to start with the targets imported, compared to an empty magefile and to one that
// imports a package with one empty target. It prints a table:
//
//	go tool mage bench
//
// The runs alternate, and the figures are medians. The magefiles are in one module, so that all have the same go.mod.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// runs is how many times each command is measured.
const runs = 15

// magefiles are the magefiles to compare, the base first.
var magefiles = []struct{ name, imports string }{
	{"empty magefile", ""},
	{"importing a package of one empty target", "//mage:import\nimport _ \"example.com/start/nothing\"\n"},
	{"importing the targets", "//mage:import\nimport _ \"github.com/fromscratch-go/fromscratch/magefiles/targets\"\n"},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fromscratch-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folders, err := project(root, dir)
	if err != nil {
		return err
	}
	mage := filepath.Join(dir, "mage")
	if err := command(dir, "go", "build", "-o", mage, "github.com/magefile/mage"); err != nil {
		return err
	}
	fmt.Printf("%s, %s/%s, %d cores, %s, %d alternating runs, medians\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().Format(time.DateOnly), runs)
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "start of a target that does nothing\tmage\t×\tgo tool mage\t×")
	direct, err := measure(folders, mage, "nothing")
	if err != nil {
		return err
	}
	tool, err := measure(folders, "go", "tool", "mage", "nothing")
	if err != nil {
		return err
	}
	for i, m := range magefiles {
		fmt.Fprintf(w, "%s\t%d ms\t%.2f\t%d ms\t%.2f\n", m.name,
			direct[i].Milliseconds(), ratio(direct[i], direct[0]), tool[i].Milliseconds(), ratio(tool[i], tool[0]))
	}
	return w.Flush()
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// project writes a module with one folder per magefile.
func project(root, dir string) ([]string, error) {
	mod, err := os.ReadFile(filepath.Join(root, "examples/hello/go.mod"))
	if err != nil {
		return nil, err
	}
	sum, err := os.ReadFile(filepath.Join(root, "examples/hello/go.sum"))
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"go.mod":             strings.NewReplacer("example.com/hello", "example.com/start", "=> ../..", "=> "+root).Replace(string(mod)),
		"go.sum":             string(sum),
		"nothing/nothing.go": "package nothing\n\nfunc None() {}\n",
	}
	var folders []string
	for i, m := range magefiles {
		name := fmt.Sprintf("m%d", i)
		folders = append(folders, filepath.Join(dir, name))
		files[name+"/magefile.go"] = "//go:build mage\n\npackage main\n\n" + m.imports + "\nfunc Nothing() {}\n"
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	return folders, nil
}

// measure runs the command in each folder in turn, and returns the median of each.
func measure(folders []string, name string, args ...string) ([]time.Duration, error) {
	took := make([][]time.Duration, len(folders))
	for n := range runs + 1 { // the first fills the caches
		for i, dir := range folders {
			began := time.Now()
			if err := command(dir, name, args...); err != nil {
				return nil, err
			}
			if n > 0 {
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	medians := make([]time.Duration, len(folders))
	for i, t := range took {
		slices.Sort(t)
		medians[i] = t[len(t)/2]
	}
	return medians, nil
}

func command(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
