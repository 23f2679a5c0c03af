package gobuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
)

// BuildAll compiles programs like [Go.Build]. One go command compiles all that have the
// same target and options: it compiles shared packages once and links in parallel. The
// binaries are in the order of the requests. Scratch is an existing folder, on the file
// system of the outputs, for a temporary folder.
func (g Go) BuildAll(ctx context.Context, scratch string, rs []Request) ([]*Binary, error) {
	all := make([]*Binary, len(rs))
	sums := make([]string, len(rs))
	for i, r := range rs {
		var err error
		if sums[i], err = headersSum(r.Main); err != nil {
			return nil, err
		}
	}
	for _, group := range groups(rs, sums) {
		var err error
		if len(group) == 1 {
			all[group[0]], err = g.Build(ctx, rs[group[0]])
		} else {
			err = g.buildGroup(ctx, scratch, rs, group, all, sums[group[0]])
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// groups returns the requests, by index, that one go command can compile together: it has
// one set of flags, with the checksum of headers among them, and it names each program itself.
func groups(rs []Request, sums []string) [][]int {
	var groups [][]int
next:
	for i, r := range rs {
		for g, group := range groups {
			if sums[i] == sums[group[0]] && fits(rs, group, r) {
				groups[g] = append(group, i)
				continue next
			}
		}
		groups = append(groups, []int{i})
	}
	return groups
}

// fits reports whether a request can be compiled together with others.
func fits(rs []Request, group []int, r Request) bool {
	first := rs[group[0]]
	if r.Main.Cgo.Enabled != first.Main.Cgo.Enabled || buildID(r.Main.Cgo) != buildID(first.Main.Cgo) ||
		r.Target != first.Target || !reflect.DeepEqual(r.Options, first.Options) {
		return false
	}
	for _, i := range group {
		if goName(rs[i].Main) == goName(r.Main) {
			return false
		}
	}
	return true
}

// goName returns the file name that go build gives a program in an output folder
// (exeFromImportPath in cmd/go/internal/load). Main.Name can differ, as for
// "gopkg.in/app.v2" and "example.com/app/v1".
func goName(m Main) string {
	name := path.Base(m.ImportPath)
	if isMajor(name) && name[1] != '0' && name != "v1" && path.Dir(m.ImportPath) != "." {
		name = path.Base(path.Dir(m.ImportPath))
	}
	return name
}

// buildGroup compiles several programs with one go command.
func (g Go) buildGroup(ctx context.Context, scratch string, rs []Request, group []int, all []*Binary, headers string) (err error) {
	first := rs[group[0]]
	c, err := g.prepare(ctx, first.Target, first.Options, &first.Main.Cgo.Enabled, first.Main.Settings)
	if err != nil {
		return err
	}
	var compiler Compiler
	if first.Main.Cgo.Enabled {
		if compiler, err = c.compiler(ctx); err != nil {
			return fmt.Errorf("compiling %q, which needs cgo as %s: %w", first.Main.ImportPath, first.Main.Cgo.Why, err)
		}
		c.env = append(c.env, compiler.env()...)
	}
	c.withHeaders(headers)
	if g.Runner != nil {
		return c.groupElsewhere(ctx, rs, group, all, compiler)
	}
	dir, err := os.MkdirTemp(scratch, ".programs-")
	if err != nil {
		return fmt.Errorf("making a folder for the programs: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var mains []Main
	for _, i := range group {
		if err := rs[i].check(c); err != nil {
			return err
		}
		if all[i], err = g.place(rs[i], dir, compiler); err != nil {
			return err
		}
		mains = append(mains, rs[i].Main)
	}
	compiled := c.compile(ctx, dir+string(filepath.Separator), mains...)
	return errors.Join(compiled, c.collect(rs, group, all, dir, compiled == nil))
}

// groupElsewhere compiles several programs with the Runner and fetches them.
func (c *call) groupElsewhere(ctx context.Context, rs []Request, group []int, all []*Binary, compiler Compiler) error {
	there := c.g.scratch(rs[group[0]].Output)
	var mains []Main
	for _, i := range group {
		if err := rs[i].check(c); err != nil {
			return err
		}
		mains = append(mains, rs[i].Main)
	}
	if err := c.compile(ctx, there+"/", mains...); err != nil {
		return err
	}
	for _, i := range group {
		output, err := c.g.output(rs[i].Output)
		if err != nil {
			return err
		}
		if err := c.g.fetch(ctx, path.Join(there, goName(rs[i].Main)), output); err != nil {
			return err
		}
		all[i] = &Binary{Path: output, Compiler: compiler}
		if all[i].Info, err = c.readBack(rs[i].Main, output); err != nil {
			return err
		}
	}
	return nil
}

// place links the program of an earlier build into the folder, so that the go command
// can check whether it is up to date.
func (g Go) place(r Request, dir string, compiler Compiler) (*Binary, error) {
	path, err := g.output(r.Output)
	if err != nil {
		return nil, err
	}
	if err := removeHalf(path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err == nil {
		if err := os.Symlink(path, filepath.Join(dir, goName(r.Main))); err != nil {
			return nil, fmt.Errorf("linking an earlier program for the go command: %w", err)
		}
	}
	return &Binary{Path: path, Compiler: compiler}, nil
}

// collect moves the programs to their outputs and reads them back, if the build was
// successful. A program that was up to date is still a link. If the go command copies
// instead of renaming, it has written through the link.
func (c *call) collect(rs []Request, group []int, all []*Binary, dir string, ok bool) error {
	for _, i := range group {
		made := filepath.Join(dir, goName(rs[i].Main))
		info, err := os.Lstat(made)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !ok:
		case err != nil:
			return fmt.Errorf("looking for the program of %q: %w", rs[i].Main.ImportPath, err)
		case info.Mode().IsRegular() && ok:
			if err := os.Rename(made, all[i].Path); err != nil {
				return fmt.Errorf("moving the program of %q to its place: %w", rs[i].Main.ImportPath, err)
			}
		}
		if !ok {
			if err := removeHalf(all[i].Path); err != nil {
				return err
			}
			continue
		}
		if all[i].Info, err = c.readBack(rs[i].Main, all[i].Path); err != nil {
			return err
		}
	}
	return nil
}
