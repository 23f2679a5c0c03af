// Command init gives a module the targets of fromscratch. It writes a magefile, adds mage as a tool and package targets as a
// requirement to go.mod, and lets git ignore dist/. It overwrites nothing, and if it fails it leaves the module as it was.
//
//	go run github.com/fromscratch-go/fromscratch/magefiles/targets/init@latest
//	go run github.com/fromscratch-go/fromscratch/magefiles/targets/init@latest -ci github
//
// With -ci it also writes a workflow that builds the image: "github" or "gitlab".
//
// Exit codes: 1 the go command failed, 2 the module or the command line is not as it should be,
// 130 interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/plaintext"
)

// usageError is a mistake that the user can correct. Nothing was written.
type usageError struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], version(), os.Stdout, os.Stderr)
	interrupted := ctx.Err() != nil
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	if interrupted {
		fmt.Fprintln(os.Stderr, "Error: interrupted:", plaintext.Error(err))
		os.Exit(130)
	}
	fmt.Fprintln(os.Stderr, "Error:", plaintext.Error(err))
	var usage usageError
	if errors.As(err, &usage) {
		os.Exit(2)
	}
	os.Exit(1)
}

// version returns the version of this program, or "latest" if it is compiled from a folder.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "latest"
}

// run does everything, for the module that the current folder is in.
func run(ctx context.Context, args []string, version string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	flags.SetOutput(stderr)
	ci := flags.String("ci", "", `also write a workflow, for "github" or "gitlab"`)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{fmt.Errorf("%w\nfix: see -help", err)}
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("%q is not an argument of init\nfix: run it without, in the folder of the module", flags.Arg(0))}
	}
	m, err := findModule(ctx)
	if err != nil {
		return err
	}
	files := []file{m.magefile()}
	workflow, err := workflowFor(*ci, m)
	if err != nil {
		return err
	}
	if workflow.name != "" {
		files = append(files, workflow)
	}
	for _, f := range files {
		if err := f.check(); err != nil {
			return err
		}
	}
	if _, err := m.ignores(); err != nil {
		return err
	}
	ignored, err := m.change(ctx, version, files)
	if err != nil {
		return err
	}
	for _, f := range files {
		fmt.Fprintln(stderr, "wrote", plaintext.Field(f.path()))
	}
	if ignored {
		fmt.Fprintln(stderr, "added /dist/ to .gitignore")
	}
	fmt.Fprintf(stdout, "\nNow run, in %s:\n\n  %s    # says what would be built\n  %s        # builds it, and loads it into Docker\n",
		m.root, m.command("imagePlan"), m.command("image"))
	return nil
}

// change changes go.mod and writes the files. If one step fails, all is as before, but for vendor/. ignored reports whether
// .gitignore has got a line.
func (m userModule) change(ctx context.Context, version string, files []file) (ignored bool, err error) {
	undo, err := remember(filepath.Join(m.mage, "go.mod"), filepath.Join(m.mage, "go.sum"))
	if err != nil {
		return false, err
	}
	undos := []func() error{undo}
	defer func() {
		if err != nil {
			for _, undo := range undos {
				err = errors.Join(err, undo())
			}
		}
	}()
	if err := m.require(ctx, version); err != nil {
		return false, err
	}
	for _, f := range files {
		undo, err := f.create()
		undos = append(undos, undo)
		if err != nil {
			return false, err
		}
	}
	if err := m.vendor(ctx); err != nil {
		return false, err
	}
	return m.ignore()
}
