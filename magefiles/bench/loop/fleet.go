package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// fleet is a module with programs that share a package.
type fleet struct {
	*bench
	dir, work string
	images    bool     // builds images, not only programs
	constants []string // of each program
	ids       []string // of each image
}

const (
	mainSource = `package main

import "example.com/many/shared"

func main() { shared.Serve(benchConstant) }
`
	sharedSource = `// Package shared is a server.
package shared

import (
	"fmt"
	"log"
	"net/http"
)

// Serve answers every request with a text.
func Serve(text string) {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, text) })
	log.Fatal(http.ListenAndServe(":8080", nil))
}
`
)

func (b *bench) newFleet(ctx context.Context, programs int, images bool, dir string) (*fleet, error) {
	f := &fleet{
		bench: b, dir: filepath.Join(dir, "many"), work: filepath.Join(dir, "work"), images: images,
		constants: make([]string, programs), ids: make([]string, programs),
	}
	files := map[string]string{"go.mod": "module example.com/many\n\ngo 1.24.0\n", "shared/shared.go": sharedSource}
	for i := range programs {
		files["cmd/"+f.name(i)+"/main.go"] = mainSource
	}
	for name, content := range files {
		if err := writeFile(filepath.Join(f.dir, name), content); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(os.MkdirAll(f.work, 0o755), f.edit(programs)); err != nil || !images {
		return f, err
	}
	if err := b.addTargets(ctx, f.dir, plainMagefile); err != nil {
		return nil, err
	}
	_, err := b.call(ctx, command{dir: f.dir, args: []string{"go", "tool", "mage", "-compile", filepath.Join(f.work, "magefile")}})
	return f, err
}

// column returns the column of the fleet's figures: 0 for programs, 1 for images.
func (f *fleet) column() int {
	if f.images {
		return 1
	}
	return 0
}

// name returns the name of a program, its folder and its image.
func (f *fleet) name(i int) string { return fmt.Sprintf("%smany%d-%02d", prefix, len(f.constants), i) }

// edit changes the first programs.
func (f *fleet) edit(programs int) (err error) {
	for i := range programs {
		if f.constants[i], err = f.bench.edit(filepath.Join(f.dir, "cmd", f.name(i))); err != nil {
			return err
		}
	}
	return nil
}

// round changes some of the programs and builds. In the first round, all images may be new.
func (f *fleet) round(ctx context.Context, changed int, first bool) (time.Duration, error) {
	if err := f.edit(changed); err != nil {
		return 0, err
	}
	measure.Settle(ctx)
	began := time.Now()
	err := f.build(ctx)
	took := time.Since(began)
	if err != nil {
		return took, err
	}
	if f.images {
		return took, f.checkImages(ctx, changed, first)
	}
	return took, f.checkPrograms()
}

func (f *fleet) build(ctx context.Context) error {
	if f.images {
		_, err := f.call(ctx, command{dir: f.dir, args: []string{filepath.Join(f.work, "magefile"), "image"}})
		return err
	}
	args := append([]string{"go", "build"}, buildFlags...)
	_, err := f.call(ctx, command{dir: f.dir, env: []string{"CGO_ENABLED=0"}, args: append(args, "-o", f.work+"/", "./cmd/...")})
	return err
}

func (f *fleet) checkPrograms() error {
	for i, constant := range f.constants {
		if _, err := checkHolds(filepath.Join(f.work, f.name(i)), constant); err != nil {
			return err
		}
	}
	return nil
}

// checkImages checks that exactly the images of changed programs are different, and starts one.
func (f *fleet) checkImages(ctx context.Context, changed int, first bool) error {
	for i := range f.ids {
		id, err := f.engine.imageID(ctx, f.name(i)+":latest")
		if err != nil {
			return err
		}
		if id == "" || !first && (id != f.ids[i]) != (i < changed) {
			return fmt.Errorf("the image %q has the ID %q, had %q, and %d programs were changed", f.name(i), id, f.ids[i], changed)
		}
		f.ids[i] = id
	}
	return f.checkStart(ctx, f.name(0)+":latest", f.constants[0])
}
