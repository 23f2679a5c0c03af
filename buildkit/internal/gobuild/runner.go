package gobuild

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/holes"
)

// Runner runs commands in another place than this machine, in a container with the sources at the same paths. Its go
// command and C compiler are used.
type Runner interface {
	// Run runs a command to its end. If the command fails, the error is an [*ExitError]. Any other error means that it
	// could not be run. When ctx ends, the command and its children are ended.
	Run(ctx context.Context, c Command) error
	// Look returns the path of a command in the PATH of env, "" if there is none.
	Look(ctx context.Context, env []string, name string) (string, error)
	// Scratch returns the absolute path there of an empty folder for the output of commands. Names in it are not reused.
	Scratch() string
	// Fetch calls use with the content of a file that a command has written.
	Fetch(ctx context.Context, name string, use func(io.Reader) error) error
}

// Command is a command for a [Runner].
type Command struct {
	Args           []string // a name to look up in the PATH of Env, or a path, and arguments
	Env            []string // complete
	Dir            string
	Stdout, Stderr io.Writer
}

// ExitError reports the exit code of a failed command.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Code) }

// runElsewhere runs a command by the Runner.
func (g Go) runElsewhere(ctx context.Context, c command, name string, stdout, stderr io.Writer) error {
	err := g.Runner.Run(ctx, Command{Args: append([]string{name}, c.args...), Env: c.env, Dir: g.Dir, Stdout: stdout, Stderr: stderr})
	var exit *ExitError
	if err != nil && ctx.Err() == nil && !errors.As(err, &exit) {
		return &notRun{fmt.Errorf("%s: %w", c.doing, err)}
	}
	return err
}

// notRun reports that a command could not be run.
type notRun struct{ error }

func (e *notRun) Unwrap() error { return e.error }

// look finds a program where the commands run.
func (g Go) look(ctx context.Context, env []string, name string) (string, error) {
	if g.Runner == nil {
		return lookPath(env, name)
	}
	found, err := g.Runner.Look(ctx, env, name)
	if err == nil && found == "" {
		err = errNotInPath
	}
	return found, err
}

// attempts counts the programs compiled by Runners, so that each has its own file.
var attempts atomic.Int64

// scratch returns a new name in the scratch folder.
func (g Go) scratch(of string) string {
	h := fnv.New64a()
	io.WriteString(h, of) // it never fails
	return path.Join(g.Runner.Scratch(), fmt.Sprintf("%016x-%d", h.Sum64(), attempts.Add(1)))
}

// maxProgram limits the size of a program from a Runner, in bytes.
const maxProgram = 4 << 30

// fetch copies a program from the Runner to a file, whole or not at all.
func (g Go) fetch(ctx context.Context, name, to string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("fetching the compiled program: %w", err)
		}
	}()
	return fsx.Create(to, 0o755, func(f *os.File) error {
		err := g.Runner.Fetch(ctx, name, func(r io.Reader) error {
			_, _, err := holes.Copy(f, r, maxProgram)
			return errors.Join(err, checkSections(f))
		})
		var large *holes.TooLargeError
		if errors.As(err, &large) {
			err = fmt.Errorf("%w\nfix: check what the compiler there has written to %q; embedded files may go into the image by Files instead", err, name)
		}
		return err
	})
}

// checkSections refuses a program whose ELF header does not have the number of section headers itself: debug/elf then reads as
// many as fit into the file, including its holes. See e_shnum in https://gabi.xinuos.com/elf/02-eheader.html.
func checkSections(f io.ReaderAt) error {
	head := make([]byte, 64)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	offset, number := head[40:48], head[60:62]
	if elf.Class(head[elf.EI_CLASS]) == elf.ELFCLASS32 {
		offset, number = head[32:36], head[48:50]
	}
	zero := func(b []byte) bool { return strings.Trim(string(b), "\x00") == "" }
	if n == len(head) && string(head[:4]) == elf.ELFMAG && !zero(offset) && zero(number) {
		return errors.New("it has more sections than a program of Go has\nfix: look at what the Build.Container's compiler and linker have written")
	}
	return nil
}

// SourceFolders returns the folders of this machine that a go command in a folder reads, besides the module cache: its
// module or workspace, and folders that these replace or use. None is inside another one. env is the environment, in
// which GOWORK may name a workspace or be "off". If there is no module, the error is [fs.ErrNotExist].
func SourceFolders(dir string, env []string) ([]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	src := Sources{}
	if gomod := above(dir, "go.mod"); gomod != "" {
		src.addModule(gomod)
	}
	switch gowork := getenv(env, "GOWORK"); gowork {
	case "off":
	case "":
		src.addWorkspace(above(dir, "go.work"))
	default:
		src.addWorkspace(gowork)
	}
	var folders []string
	for _, file := range src.Files {
		switch filepath.Base(file) {
		case "go.mod", "go.work":
			if info, err := os.Stat(filepath.Dir(file)); err == nil && info.IsDir() {
				folders = append(folders, filepath.Dir(file))
			}
		}
	}
	if len(folders) == 0 {
		return nil, fmt.Errorf("finding the module of %q: no go.mod there or in a folder above: %w\nfix: go mod init example.com/app", dir, fs.ErrNotExist)
	}
	return outermost(sorted(folders)), nil
}

// above returns the nearest file with a name in a folder or above it, "" if there is none.
func above(dir, name string) string {
	for ; ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// outermost leaves out folders that are inside others of a sorted list.
func outermost(folders []string) []string {
	var kept []string
next:
	for _, dir := range folders {
		for _, other := range kept {
			if dir == other || strings.HasPrefix(dir, strings.TrimSuffix(other, string(filepath.Separator))+string(filepath.Separator)) {
				continue next
			}
		}
		kept = append(kept, dir)
	}
	return kept
}

// Settings returns values of the go command's environment, with defaults and those of "go env -w".
func (g Go) Settings(ctx context.Context, keys ...string) (map[string]string, error) {
	return g.goEnv(ctx, g.Env, keys...)
}
