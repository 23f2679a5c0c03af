package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/settings"
)

// imageDev builds and runs every image, and puts each change of the source into the
// running containers, until it is interrupted.
func imageDev(ctx context.Context, r *run) (end dialogue.End, err error) {
	copies, err := settings.ReadCopies("IMAGE_DEV_SWAP", os.Getenv)
	if err != nil {
		return end, err
	}
	engine, err := r.engines.ToRun(ctx, r.Target)
	if err != nil {
		return end, err
	}
	m, err := r.images()
	if err != nil {
		return end, err
	}
	m.selectEnginePlatform()
	plans, err := m.plans(ctx)
	if err != nil {
		return end, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(plans))
	var all sync.WaitGroup
	for i, p := range plans {
		prefix := prefixOf(p, plans)
		l := newLoop(m, engine, p, func() buildkit.DevRequest {
			return buildkit.DevRequest{
				Args: r.Args, Copy: copies,
				Stdout: r.progress.ProgramWriter(r.out.programStdout(), prefix), Stderr: r.progress.ProgramWriter(os.Stderr, prefix),
			}
		})
		if i == 0 { // one of them is enough to report changes
			l.magefiles = magefiles(m.inputs)
		}
		all.Add(1)
		go func() {
			defer all.Done()
			errs[i] = l.run(ctx)
			stop() // if one loop ends, all end
		}()
	}
	all.Wait()
	return end, errors.Join(errs...)
}

// magefiles returns the possible paths of the files that call Configure: mage compiles the files in its working folder and
// in magefiles/ below it.
func magefiles(in buildkit.Inputs) (files []string) {
	for _, c := range in.Configs {
		if name, _, ok := strings.Cut(c.Origin, ".go:"); ok {
			files = append(files, filepath.Join(in.Dir, name+".go"), filepath.Join(in.Dir, "magefiles", name+".go"))
		}
	}
	return files
}

// prefixOf returns the prefix for the output lines of one of several programs, or "" for a single program.
func prefixOf(p buildkit.Plan, all []buildkit.Plan) string {
	if len(all) == 1 {
		return ""
	}
	width := 0
	for _, o := range all {
		width = max(width, len(o.Name))
	}
	return fmt.Sprintf("%-*s | ", width, p.Name)
}
