// Package dockerfilespec describes a finished image as a Dockerfile, which builds it without fromscratch. Its input is the image and
// the machine that compiled it: the packages there, and the files of the module. The image may be of an earlier build that was
// recalled.
package dockerfilespec

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// describe describes an image. file is where the Dockerfile is going to be.
func describe(ctx context.Context, r result.Result, file string) (dockerfile.Spec, error) {
	w := writing{Result: r, context: r.Plan.Context()}
	w.spec.Name, w.spec.File, w.spec.Capabilities = r.Plan.Name, filepath.ToSlash(file), setcap(r.Plan.Files.Capabilities)
	if rel, ok := w.inContext(file); ok {
		w.spec.File = rel
	}
	for _, part := range []func(context.Context) error{w.possible, w.compiler, w.program, w.sources, w.system, w.packages, w.userFiles, w.run} {
		if err := part(ctx); err != nil {
			return dockerfile.Spec{}, err
		}
	}
	return w.spec, nil
}

// writing is a Dockerfile in the making.
type writing struct {
	result.Result
	context string
	spec    dockerfile.Spec
	whole   []string // see wholeFolders
}

// sysroot returns where the libraries are from, on the machine that compiles. There is no base, see possible.
func (w *writing) sysroot() ldd.FS { return w.Plan.Machine(w.Libraries.Sysroot) }

// inImage replaces the path that the program was compiled to by its path in the image.
func (w *writing) inImage(text string) string {
	return strings.ReplaceAll(text, filepath.ToSlash(w.Program.Path), w.Plan.Program())
}

// inContext is a path of this machine as the builder sees it, if it does.
func (w *writing) inContext(name string) (string, bool) {
	rel, err := filepath.Rel(w.context, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// unsaid is the error for what a Dockerfile cannot say.
func (w *writing) unsaid(field, why, fix string) error {
	return &report.ConfigError{Err: fmt.Errorf("%s of the Config (%s): %s\nfix: %s", field, w.Plan.Origin, why, fix)}
}

// possible refuses what cannot be done by a builder, and notes what it leaves to others.
func (w *writing) possible(context.Context) error {
	p := w.Plan
	if p.Hooks.After != nil {
		return w.unsaid("After", "it is a function of the magefile, and changes the program, which a Dockerfile cannot do", "leave After out, or build the image with the target image")
	}
	if w.Plan.Base != nil {
		return w.unsaid("Base", "the Dockerfiles of fromscratch are from scratch, and have nothing of "+w.Plan.BaseName, "leave Base out, or build the image with the target image")
	}
	if p.Supply.Licences {
		return w.unsaid("Licenses", "the texts are those of the modules and packages that the image was built from, and a Dockerfile has no command that finds them", "leave Licenses out, or build the image with the target image")
	}
	if p.Probe != "" {
		return w.unsaid("Healthcheck.Probe", "the program that asks is part of fromscratch, and a Dockerfile cannot compile it", "set Test to a command of the image, or build the image with the target image")
	}
	if w.Plan.Builder != nil {
		w.remark("fromscratch compiles in %s (%s): --build-arg GO_IMAGE=%s does so here.", p.Builder.Ref, p.Origin, p.Builder.Ref)
	}
	if p.Hooks.Before {
		w.remark("Before of %s is a function of the magefile, which docker build does not run. What it generates has to be there before: mage imageRootfs runs it.", p.Origin)
	}
	if w.Libraries.IsEmpty() {
		return nil
	}
	if root := w.Libraries.Sysroot; root != "/" {
		return w.unsaid("Sysroot", fmt.Sprintf("the program's libraries are those of %q, and the Dockerfile's build stage has none but its own", root),
			"run imageDockerfile on a machine of the platform "+w.Plan.Platform.String()+", set Build.Cgo to \"off\", or build the image with the target image")
	}
	return nil
}

// remark adds a sentence to the head of the file.
func (w *writing) remark(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(w.spec.Notes, n) {
		w.spec.Notes = append(w.spec.Notes, n)
	}
}
