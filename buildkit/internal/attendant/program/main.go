//go:build linux

// Attendant runs commands in a builder container, see package attendant.
package main

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// grace is how long an interrupted command may take to end before it is killed.
const grace = 3 * time.Second

func main() {
	args := os.Args[1:]
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "attendant: no command given")
		os.Exit(2)
	}
	commands := map[string]func([]string) (int, error){
		"wait": wait, "run": run, "look": look, "list": list, "read": read, "write": write, "remove": remove,
	}
	do, ok := commands[args[0]]
	if !ok {
		do = func([]string) (int, error) { return 2, errors.New("unknown command") }
	}
	code, err := do(args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "attendant: %s: %v\n", args[0], err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// wait is PID 1: it reaps orphans until stdin ends.
func wait([]string) (int, error) {
	children := make(chan os.Signal, 16)
	signal.Notify(children, syscall.SIGCHLD)
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	for {
		select {
		case <-children:
			for pid := 1; pid > 0; {
				pid, _ = syscall.Wait4(-1, nil, syscall.WNOHANG, nil) // it also fails when none is left
			}
		case err := <-ended:
			return 0, err
		}
	}
}

// run runs a command in its own process group, so that everything it starts can be ended with it.
func run(args []string) (int, error) {
	if len(args) == 0 {
		return 2, errors.New("no command")
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 127, err
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 126, err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin) // any end counts, also an error
		syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		time.Sleep(grace)
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		fmt.Fprintf(os.Stderr, "signal: %v\n", status.Signal())
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}

func look(args []string) (int, error) {
	for _, name := range args {
		path, err := exec.LookPath(name)
		if err != nil {
			return 1, nil
		}
		fmt.Println(path)
	}
	return 0, nil
}

// list prints "MODE SIZE NAME", a NUL, the target of a link, and a NUL for each name below a root. Names start with the
// root. It does not enter folders of other file systems. For a missing root it prints nothing.
func list(args []string) (int, error) {
	if len(args) == 0 {
		return 2, errors.New("no root")
	}
	top, excluded := filepath.Clean(args[0]), args[1:]
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	skip := map[string]bool{"/proc": true, "/sys": true, "/dev": true}
	for _, name := range excluded {
		skip[name] = true
	}
	root, err := device(top)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 1, err
	}
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if skip[path] {
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err != nil {
			return nil // it is gone or not readable
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if d.IsDir() {
			if dev, err := device(path); err != nil || dev != root {
				return fs.SkipDir
			}
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return nil
			}
		}
		name := filepath.Join("/", strings.TrimPrefix(path, top))
		_, err = fmt.Fprintf(out, "%o %d %s\x00%s\x00", uint32(info.Mode()), info.Size(), name, link)
		return err
	})
	return 0, errors.Join(err, out.Flush())
}

func device(path string) (uint64, error) {
	var st syscall.Stat_t
	err := syscall.Lstat(path, &st)
	return uint64(st.Dev), err
}

// names reads names that each end with a NUL. Text after the last NUL is an error, because it may be half a name.
func names() ([]string, error) {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, err
	}
	list := strings.Split(string(text), "\x00")
	if rest := list[len(list)-1]; rest != "" {
		return nil, fmt.Errorf("the list breaks off at %q", rest)
	}
	return list[:len(list)-1], nil
}

// read prints an archive of the files named on stdin.
func read([]string) (int, error) {
	names, err := names()
	if err != nil {
		return 2, err
	}
	out := tar.NewWriter(os.Stdout)
	for _, name := range names {
		if err := pack(out, name); err != nil {
			return 1, err
		}
	}
	return 0, out.Close()
}

func pack(out *tar.Writer, name string) error {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // without O_NONBLOCK, opening a pipe waits for its other end
	if err != nil {
		return err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a file (%s)", name, info.Mode())
	}
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: info.Size(), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err = io.CopyN(out, f, info.Size())
	return err
}

func write(args []string) (int, error) {
	for _, name := range args {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return 1, err
		}
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return 1, err
		}
		_, err = io.Copy(f, os.Stdin)
		if err := errors.Join(err, f.Close()); err != nil {
			return 1, err
		}
	}
	return 0, nil
}

func remove([]string) (int, error) {
	names, err := names()
	if err != nil {
		return 2, err
	}
	var errs []error
	for _, name := range names {
		if filepath.IsAbs(name) && filepath.Clean(name) != "/" {
			errs = append(errs, os.RemoveAll(name))
		}
	}
	return 0, errors.Join(errs...)
}
