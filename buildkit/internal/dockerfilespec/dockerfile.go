package dockerfilespec

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// Dockerfile is an image as a Dockerfile, with its ignore file.
type Dockerfile struct {
	Path, Ignore string // of the two files
	spec         dockerfile.Spec
}

// Of describes an image. The Dockerfile goes to its context folder, that of the module or the workspace: as Dockerfile, or as
// NAME.Dockerfile if there are several images. file, if set, is another place, relative to the folder where the build was started.
//
// What a Dockerfile cannot do is a [*report.ConfigError] that names the field of the Config: a function that changes the program,
// files outside of the context, libraries of another sysroot.
func Of(ctx context.Context, r result.Result, file string) (Dockerfile, error) {
	d := Dockerfile{Path: place(r.Plan, file)}
	d.Ignore = d.Path + ".dockerignore" // BuildKit prefers this one
	if d.Path == filepath.Join(r.Plan.Context(), "Dockerfile") {
		d.Ignore = filepath.Join(r.Plan.Context(), ".dockerignore")
	}
	var err error
	if d.spec, err = describe(ctx, r, d.Path); err != nil {
		return Dockerfile{}, fmt.Errorf("writing a Dockerfile for image %q: %w", r.Plan.Name, err)
	}
	return d, nil
}

// place returns the path of the Dockerfile. It does not depend on which images are selected.
func place(p plan.Image, file string) string {
	switch {
	case filepath.IsAbs(file):
		return filepath.Clean(file)
	case file != "":
		return filepath.Join(p.Run.Dir, file)
	case len(p.Run.Programs) > 1:
		return filepath.Join(p.Context(), p.Name+".Dockerfile")
	}
	return filepath.Join(p.Context(), "Dockerfile")
}

// Write writes Dockerfiles and their ignore files: all, or none if one of the files is there and fromscratch did not write it, or
// somebody has edited it. That is a [*report.ConfigError].
func Write(all []Dockerfile) error {
	var files []dockerfile.File
	for _, d := range all {
		text, err := dockerfile.Dockerfile(d.spec)
		if err != nil {
			return &report.ConfigError{Err: fmt.Errorf("image %q: %w", d.spec.Name, err)}
		}
		files = append(files, dockerfile.File{Path: d.Path, Text: text}, dockerfile.File{Path: d.Ignore, Text: dockerfile.Ignore(d.spec)})
	}
	err := dockerfile.Write(files...)
	var foreign *dockerfile.ForeignError
	if errors.As(err, &foreign) {
		return &report.ConfigError{Err: err}
	}
	return err
}

// Plans returns the plans to describe: for several platforms of an image only the first, because the Dockerfile of a static program
// is for all of them. If the program uses cgo it is not, and a file in IMAGE_DOCKERFILE is for one image only: otherwise the error
// is a [*report.ConfigError].
func Plans(file string, plans []plan.Image) ([]plan.Image, error) {
	var one []plan.Image
	var names []string
	for _, p := range plans {
		if i := slices.Index(names, p.Name); i < 0 {
			one, names = append(one, p), append(names, p.Name)
		} else if p.Main.Cgo.Enabled || one[i].Main.Cgo.Enabled {
			return nil, &report.ConfigError{Err: fmt.Errorf("image %q is for several platforms, and uses cgo: its Dockerfile lists libraries, which are those of one platform\nfix: name one, with IMAGE_PLATFORM=%s, or set Build.Cgo to \"off\"",
				p.Name, one[i].Platform)}
		}
	}
	if file == "" || len(one) == 1 {
		return one, nil
	}
	return nil, &report.ConfigError{Err: fmt.Errorf("IMAGE_DOCKERFILE is %q, one file, and there are the images %s\nfix: select one, with IMAGE_NAME=%s, or unset IMAGE_DOCKERFILE",
		file, strings.Join(names, ", "), names[0])}
}
