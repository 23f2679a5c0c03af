package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// manyPrograms is the number of programs in the large module.
const manyPrograms = 50

// manyCases are the measured cases of modules with several programs.
var manyCases = []struct{ programs, changed int }{
	{1, 0}, {1, 1}, {manyPrograms, 0}, {manyPrograms, 1}, {manyPrograms, manyPrograms},
}

// manyFrom compares a module with many programs to one with a single program of the same kind, with "go build" and with
// the compiled magefile.
func (b *bench) manyFrom(ctx context.Context) (err error) {
	dir, remove, err := b.newFolder("many")
	if err != nil {
		return err
	}
	defer remove(&err)
	fleets, err := b.newFleets(ctx, dir)
	if err != nil {
		return err
	}
	took := make([][2]measure.Samples, len(manyCases))
	for n := range b.rounds + 1 {
		if err := b.manyRound(ctx, fleets, n, took); err != nil {
			return err
		}
	}
	b.writeMany(took)
	return nil
}

// newFleets makes two modules for each number of programs: one to compile only, and one to make images.
func (b *bench) newFleets(ctx context.Context, dir string) (map[int][]*fleet, error) {
	fleets := map[int][]*fleet{}
	for i, programs := range []int{1, 1, manyPrograms, manyPrograms} {
		f, err := b.newFleet(ctx, programs, i%2 == 1, filepath.Join(dir, fmt.Sprintf("fleet%d", i)))
		if err != nil {
			return nil, err
		}
		fleets[programs] = append(fleets[programs], f)
	}
	return fleets, nil
}

// manyRound measures each case both ways, which take turns in being first. Round 0 builds everything once and does not
// count.
func (b *bench) manyRound(ctx context.Context, fleets map[int][]*fleet, n int, took [][2]measure.Samples) error {
	for i, c := range manyCases {
		for _, f := range measure.Rotated(fleets[c.programs], n) {
			t, err := f.round(ctx, c.changed, n == 0)
			if err != nil {
				return fmt.Errorf("%d programs, %d changed: %w", c.programs, c.changed, err)
			}
			b.say("many, round %d of %d: %d programs, %d changed, images %t: %.2f", n, b.rounds, c.programs, c.changed, f.images, t.Seconds())
			if n > 0 {
				took[i][f.column()].Add(t)
			}
		}
	}
	return nil
}

func (b *bench) writeMany(took [][2]measure.Samples) {
	t := measure.NewTable("programs that share a package", "go build", "min", "image", "min", "× build", "× one program")
	single := map[bool]measure.Samples{}
	for i, c := range manyCases {
		build, image := took[i][0], took[i][1]
		if c.programs == 1 {
			single[c.changed > 0] = image
		}
		t.Add(fmt.Sprintf("%d, of them changed: %d", c.programs, c.changed), measure.Seconds(build.Median()), measure.Seconds(build.Least()),
			measure.Seconds(image.Median()), measure.Seconds(image.Least()), measure.Times(image.Ratio(build)), measure.Times(image.Ratio(single[c.changed > 0])))
	}
	fmt.Fprintln(b.out)
	t.Write(b.out)
}
