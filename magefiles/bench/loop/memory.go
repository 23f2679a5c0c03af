package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// bulk is the size of the large file for an image.
const bulk = 500 << 20

// bulkyMagefile adds the folder with the file.
const bulkyMagefile = `//go:build mage

package main

//mage:import
import "` + targets + `"

var _ = targets.Configure(targets.Config{Files: []targets.File{{From: "bulk", To: "/srv/bulk"}}})
`

// memoryFrom measures the largest resident set of the worker of the targets, and of the largest other process, with and
// without a large file in the image.
func (b *bench) memoryFrom(ctx context.Context) (err error) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		return left("this system has no /proc with the memory of processes")
	}
	dir, remove, err := b.newFolder("memory")
	if err != nil {
		return err
	}
	defer remove(&err)
	lean, err := b.newHeap(ctx, "lean", filepath.Join(dir, "lean"), plainMagefile)
	if err != nil {
		return err
	}
	bulky, err := b.newHeap(ctx, "bulky", filepath.Join(dir, "bulk"), bulkyMagefile)
	if err != nil {
		return err
	}
	if err := writeBulk(filepath.Join(bulky.dir, "bulk", "data")); err != nil {
		return err
	}
	heaps := []*heap{lean, bulky}
	for n := range b.rounds + 1 {
		for _, h := range measure.Rotated(heaps, n) {
			if _, err := h.round(ctx); err != nil {
				return err
			}
			h.say("memory, round %d of %d: %s", n, b.rounds, h.program.name)
			h.keep(n)
		}
	}
	b.writeMemory(heaps)
	return nil
}

// heap is a site whose builds are measured for memory.
type heap struct {
	*site
	seen []peaks                     // peaks of the current round, by case
	own  [len(cases)]measure.Samples // peaks of the worker
	most [len(cases)]peaks           // peaks of all processes, over all rounds
}

// newHeap makes a site with a small program that a compiled magefile builds.
func (b *bench) newHeap(ctx context.Context, name, dir, magefile string) (*heap, error) {
	h := &heap{}
	w := way{name: "compiled", title: name, ours: true, prepare: (*site).compileMagefile}
	w.build = func(s *site, ctx context.Context) error {
		seen := peaks{}
		err := s.watched(ctx, seen, []string{"IMAGE_REPO=" + s.repo()}, s.magefile(), "image")
		h.seen = append(h.seen, seen)
		return err
	}
	h.site = b.newSite(program{name: name}, w, dir)
	source := filepath.Join(dir, "source")
	if err := errors.Join(writeHello(ctx, b, source), b.addTargets(ctx, source, magefile)); err != nil {
		return nil, err
	}
	return h, h.setUp(ctx, source)
}

// keep adds the peaks of a round. Round 0 does not count.
func (h *heap) keep(n int) {
	for i, seen := range h.seen {
		if n == 0 {
			continue
		}
		h.own[i] = append(h.own[i], float64(seen.ofWorker()))
		if h.most[i] == nil {
			h.most[i] = peaks{}
		}
		for name, size := range seen {
			h.most[i].note(name, size)
		}
	}
	h.seen = nil
}

func (b *bench) writeMemory(heaps []*heap) {
	t := measure.NewTable("peak memory", "case", "our command", "most", "largest other process", "most")
	titles := map[string]string{"lean": "hello", "bulky": "hello with a file of 500 MiB"}
	for _, h := range heaps {
		for i, c := range cases {
			name, size := h.most[i].largestOther()
			t.Add(titles[h.program.name], c.name, measure.Mebibytes(h.own[i].Median()), measure.Mebibytes(h.own[i].Most()), name, measure.Mebibytes(float64(size)))
		}
	}
	fmt.Fprintln(b.out)
	t.Write(b.out)
}

// writeBulk writes a large file that does not compress.
func writeBulk(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	random := rand.NewChaCha8([32]byte{})
	block := make([]byte, 1<<20)
	for range bulk / len(block) {
		if _, err := random.Read(block); err != nil {
			return err
		}
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return nil
}
