package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// BuilderCommand is a command for a builder container. Args is required.
type BuilderCommand struct {
	Args           []string  // program and arguments; PATH in Env finds the program
	Env            []string  // "KEY=value", over the image's own
	Dir            string    // default: the root
	Stdout, Stderr io.Writer // nil discards
}

const (
	// endTimeout limits how long a command may take to end after its input is closed. The attendant kills it after three
	// seconds.
	endTimeout = 5 * time.Second
	// codeTimeout limits how long an engine may take to know the exit code after the end of a command's output.
	codeTimeout = 10 * time.Second
)

// Exec runs a command in the container and returns its exit code, which is 127 if the container lacks the command. If ctx
// ends, the command and all its children are interrupted, then killed; the error wraps ctx's cause.
func (b *Builder) Exec(ctx context.Context, c BuilderCommand) (code int, err error) {
	x := execution{args: append([]string{b.req.AttendantPath, "run"}, c.Args...), env: c.Env, dir: c.Dir, stdout: c.Stdout, stderr: c.Stderr}
	code, err = b.exec(ctx, x)
	return code, b.failed(fmt.Sprintf("running %q in", c.Args[0]), err)
}

// Look returns the path of a command in the PATH of env, "" if there is none.
func (b *Builder) Look(ctx context.Context, env []string, name string) (string, error) {
	var out host.Tail // a path is short: the limit of Tail is enough
	code, err := b.exec(ctx, execution{args: []string{b.req.AttendantPath, "look", name}, env: env, stdout: &out, prompt: true})
	if err != nil || code != 0 {
		return "", b.failed(fmt.Sprintf("looking for %q in", name), err)
	}
	return out.String(), nil
}

// WriteSecret writes a file that only root can read. A file in a folder of Memory is in no layer.
func (b *Builder) WriteSecret(ctx context.Context, name string, content []byte) error {
	return b.failed("writing a file in", b.attend(ctx, bytes.NewReader(content), nil, "write", name))
}

// engineFiles are the files that engines make in each container.
var engineFiles = []string{"/.dockerenv", "/run/.containerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"}

// List writes the names below root, a folder of the container, in the form of package attendant. It writes nothing if the
// folder doesn't exist. It leaves out the excluded names, and those that only this container has
// unless root names them.
func (b *Builder) List(ctx context.Context, w io.Writer, root string, excluded ...string) error {
	excluded = append(excluded, engineFiles...)
	excluded = append(excluded, b.req.AttendantPath)
	excluded = append(excluded, b.req.Folders...)
	for _, bind := range b.req.Binds {
		excluded = append(excluded, bind.Container)
	}
	return b.failed("listing the files of", b.attend(ctx, nil, w, append([]string{"list", root}, excluded...)...))
}

// Read calls use with each of some files of the container. It reads them with one command, because an engine is slow with
// many small files. Programs in the container can change files meanwhile: the content may have any length, and the name may
// be another one.
func (b *Builder) Read(ctx context.Context, names []string, use func(name string, content io.Reader) error) error {
	return b.failed("reading files of", b.read(ctx, names, use))
}

func (b *Builder) read(ctx context.Context, names []string, use func(string, io.Reader) error) error {
	body, pipe := io.Pipe()
	attended := make(chan error, 1)
	go func() {
		err := b.attend(ctx, nameList(names), pipe, "read")
		pipe.CloseWithError(err) // nil is the end
		attended <- err
	}()
	err := eachFile(tar.NewReader(body), use)
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(body, padding))
	}
	body.CloseWithError(errEnded)
	if attendErr := <-attended; attendErr != nil && !errors.Is(attendErr, errEnded) {
		return attendErr
	}
	return err
}

// padding limits the bytes after the end of an archive.
const padding = 1 << 20

// nameList returns the names in the form that the attendant reads: a NUL ends each of them.
func nameList(names []string) io.Reader {
	var list strings.Builder
	for _, name := range names {
		list.WriteString(name)
		list.WriteByte(0)
	}
	return strings.NewReader(list.String())
}

func eachFile(r *tar.Reader, use func(string, io.Reader) error) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && h.Typeflag != tar.TypeReg {
			err = fmt.Errorf("%q is not a file (%s)", h.Name, h.FileInfo().Mode())
		}
		if err == nil {
			err = callers(use(h.Name, r))
		}
		if err != nil {
			return err
		}
	}
}

// attend runs a command of the attendant. The command ends with its input or by itself.
func (b *Builder) attend(ctx context.Context, stdin io.Reader, stdout io.Writer, words ...string) error {
	var said host.Tail
	code, err := b.exec(ctx, execution{args: append([]string{b.req.AttendantPath}, words...), stdin: stdin, stdout: stdout, stderr: &said, prompt: true})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, said.String())
	}
	return err
}

// execution is one command in the container.
type execution struct {
	args, env      []string
	dir            string
	stdin          io.Reader // nil keeps stdin open until ctx ends
	stdout, stderr io.Writer
	prompt         bool // a command of the attendant, which must not be silent for long
}

func (b *Builder) exec(ctx context.Context, x execution) (code int, err error) {
	api := b.engine.api
	created, err := api.ContainerExecCreate(ctx, b.ID, container.ExecOptions{
		User: "0:0", Cmd: x.args, Env: x.env, WorkingDir: x.dir, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return NoExit, orCause(ctx, notRunning(err))
	}
	conn, err := b.engine.execAttach(ctx, created.ID)
	if err != nil {
		return NoExit, orCause(ctx, notRunning(err))
	}
	defer conn.Close()
	var output io.Reader = conn.Reader
	if x.prompt {
		output = b.engine.hear(conn, created.ID, true)
	}
	if err := x.converse(ctx, conn, output); err != nil {
		return NoExit, err
	}
	return b.exitCode(ctx, created.ID)
}

// converse copies the streams until the command has ended. If ctx ends, it closes the command's stdin.
func (x execution) converse(ctx context.Context, conn types.HijackedResponse, output io.Reader) error {
	ended := make(chan error, 1)
	go func() {
		_, err := stdcopy.StdCopy(orDiscard(x.stdout), orDiscard(x.stderr), output)
		ended <- err
	}()
	if x.stdin != nil {
		fed := make(chan error, 1)
		go func() {
			_, err := io.Copy(conn.Conn, x.stdin)
			fed <- errors.Join(err, conn.CloseWrite())
		}()
		var err error
		select {
		case err = <-fed:
		case <-ctx.Done(): // a command that is stopped, or hangs, reads nothing more
			conn.Close()
			<-fed
			<-ended
			return context.Cause(ctx)
		}
		if err != nil {
			conn.Close()
			return orCause(ctx, errors.Join(fmt.Errorf("writing to the command: %w", err), <-ended))
		}
	}
	select {
	case err := <-ended:
		if err != nil {
			return orCause(ctx, fmt.Errorf("reading the command's output: %w", err))
		}
		return nil
	case <-ctx.Done():
	}
	// Some connections can't be closed in one direction. For these, conn.Close below closes both.
	_ = conn.CloseWrite()
	timer := time.NewTimer(endTimeout)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		conn.Close()
		<-ended
	}
	return context.Cause(ctx)
}

// exitCode returns a command's exit code. The output may end a moment before the engine knows the code.
func (b *Builder) exitCode(ctx context.Context, id string) (int, error) {
	limit := time.Now().Add(codeTimeout)
	for {
		info, err := b.engine.api.ContainerExecInspect(ctx, id)
		if err != nil {
			return NoExit, orCause(ctx, notRunning(err))
		}
		if !info.Running {
			return info.ExitCode, nil
		}
		if time.Now().After(limit) {
			return NoExit, errors.New("the engine does not say how the command has ended")
		}
		select {
		case <-ctx.Done():
			return NoExit, context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// orCause returns ctx's cause if ctx has ended, else err.
func orCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// CopyOut calls use with a file of the container. It follows no links. If the file doesn't exist, the error is
// [fs.ErrNotExist].
func (b *Builder) CopyOut(ctx context.Context, name string, use func(content io.Reader, size int64, mode fs.FileMode) error) error {
	return b.failed(fmt.Sprintf("copying %q out of", name), b.copyOut(ctx, name, use))
}

func (b *Builder) copyOut(ctx context.Context, name string, use func(io.Reader, int64, fs.FileMode) error) (err error) {
	content, _, err := b.engine.api.CopyFromContainer(ctx, b.ID, name)
	if errdefs.IsNotFound(err) {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	if err != nil {
		return orCause(ctx, err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	r := tar.NewReader(content)
	h, err := r.Next()
	if err != nil {
		return orCause(ctx, fmt.Errorf("reading the engine's archive: %w", err))
	}
	if h.Typeflag != tar.TypeReg {
		return fmt.Errorf("it is not a file (%s)", h.FileInfo().Mode())
	}
	return orCause(ctx, callers(use(r, h.Size, h.FileInfo().Mode())))
}
