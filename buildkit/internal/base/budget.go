package base

import (
	"context"
	"errors"
	"fmt"
)

// The budget of a base's file system: a free part, and a part that grows with the compressed size. Real layers need far less.
// Their entries take about 60 bytes of a compressed layer, and have names of about 60 bytes, paths of about ten steps, and
// about three PAX records.
const (
	freeEntries     = 50_000
	bytesPerEntry   = 16 // of the compressed layers
	freeNames       = 4 << 20
	namesPerEntry   = 128
	freeSteps       = 500_000
	stepsPerEntry   = 64
	stepsPerLook    = 10_000 // between two looks at the context
	recordsPerEntry = 4      // PAX records, one a line: each is parsed, and the last of a name wins
)

// budget is the rest of the budget. It stops layers that are made to keep their reader busy or to fill its memory.
type budget struct {
	ctx                   context.Context
	entries, names, steps int
	records               int
	since                 int // steps since the last look at the context
}

// newBudget returns the budget for layers with a total compressed size, in bytes.
func newBudget(ctx context.Context, packed int64) *budget {
	entries := int(min(maxEntries, freeEntries+packed/bytesPerEntry))
	return &budget{
		ctx: ctx, entries: entries, names: freeNames + entries*namesPerEntry, steps: freeSteps + entries*stepsPerEntry,
		records: entries * recordsPerEntry,
	}
}

// bomb returns the error for a layer that expands too much.
func bomb(format string, args ...any) error {
	return fmt.Errorf(format+": it is not a layer but a bomb\nfix: take another base", args...)
}

// entry spends an entry, or a folder that is made for one.
func (b *budget) entry() error {
	if b.entries--; b.entries < 0 {
		return b.tooMany()
	}
	return b.step(1)
}

func (b *budget) tooMany() error { return bomb("there are too many files and folders for its size") }
func (b *budget) tooLong() error { return bomb("the names of its files are too long for its size") }
func (b *budget) tooMuch() error { return bomb("its files have too many records for its size") }

// text spends n bytes of names.
func (b *budget) text(n int) error {
	if b.names -= n; b.names < 0 {
		return b.tooLong()
	}
	return nil
}

// record spends n PAX records.
func (b *budget) record(n int) error {
	if b.records -= n; b.records < 0 {
		return b.tooMuch()
	}
	return nil
}

// step spends n steps of work, and looks at the context now and then.
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

// errHeader reports an entry with headers longer than any tool writes.
var errHeader = errors.New("the headers of a file in it are too long")
