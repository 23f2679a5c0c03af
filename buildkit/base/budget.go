package base

import (
	"context"
	"errors"
	"fmt"
)

// What the file system of a base may cost, besides what its compressed layers allow. Real layers stay far below: an entry
// takes some 60 bytes of a compressed layer, its names as many, its path some ten steps, and it has some three records.
const (
	freeEntries     = 50_000
	bytesPerEntry   = 16 // of the compressed layers
	freeNames       = 4 << 20
	namesPerEntry   = 128
	freeSteps       = 500_000
	stepsPerEntry   = 64
	stepsPerLook    = 10_000 // between two looks at the context
	recordsPerEntry = 4      // lines of PAX records: each is parsed, and all but the last of a name are lost
)

// budget is what is left of it. It ends what is made to keep its reader busy, or to fill its memory.
type budget struct {
	ctx                   context.Context
	entries, names, steps int
	records               int
	since                 int // steps since the context was looked at
}

// newBudget is that of layers that have so many bytes together, as they are sent.
func newBudget(ctx context.Context, packed int64) *budget {
	entries := int(min(maxEntries, freeEntries+packed/bytesPerEntry))
	return &budget{
		ctx: ctx, entries: entries, names: freeNames + entries*namesPerEntry, steps: freeSteps + entries*stepsPerEntry,
		records: entries * recordsPerEntry,
	}
}

// bomb is the error for what is larger than it should be.
func bomb(format string, args ...any) error {
	return fmt.Errorf(format+": it is not a layer but a bomb\nfix: take another base", args...)
}

// entry takes an entry, or a folder that is made for one.
func (b *budget) entry() error {
	if b.entries--; b.entries < 0 {
		return b.tooMany()
	}
	return b.step(1)
}

func (b *budget) tooMany() error { return bomb("there are too many files and folders for its size") }
func (b *budget) tooLong() error { return bomb("the names of its files are too long for its size") }
func (b *budget) tooMuch() error { return bomb("its files have too many records for its size") }

// text takes the bytes of names.
func (b *budget) text(n int) error {
	if b.names -= n; b.names < 0 {
		return b.tooLong()
	}
	return nil
}

// record takes records of a file.
func (b *budget) record(n int) error {
	if b.records -= n; b.records < 0 {
		return b.tooMuch()
	}
	return nil
}

// step takes steps of work, and looks at the context now and then.
func (b *budget) step(n int) error {
	if b.steps -= n; b.steps < 0 {
		return bomb("the links and whiteouts in it lead to too many places")
	}
	if b.since += n; b.since < stepsPerLook {
		return nil
	}
	b.since = 0
	return context.Cause(b.ctx)
}

// errHeader is that of an entry whose headers are longer than any tool writes them.
var errHeader = errors.New("the headers of a file in it are too long")
