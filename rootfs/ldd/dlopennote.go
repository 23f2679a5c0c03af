package ldd

import (
	"context"
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// A Note is a library that an object announces in its .note.dlopen that it may open at run time:
// https://uapi-group.org/specifications/specs/elf_dlopen_metadata/.
type Note struct {
	By          *Object
	Sonames     []string // alternatives, the best first; never empty
	Feature     string   // the feature that needs it, one word
	Description string   // the same for people
	Priority    string   // "required", "recommended" or "suggested"
}

// Notes returns the dlopen notes of the objects in load order. Variants are skipped, because they have the
// notes of their baseline libraries. Unreadable notes are left out: the error covers only those, and all other
// notes are returned with it.
func (c *Closure) Notes(ctx context.Context) ([]Note, error) {
	var all []Note
	var bad error
	type answer struct {
		notes []elf.DlopenNote
		bad   error
	}
	err := c.each(ctx, func(o *Object) error {
		found, err := c.ask(o, "notes", func(f *elf.File) (any, error) {
			notes, err := f.DlopenNotes()
			return answer{notes, err}, nil
		})
		if err != nil {
			return err
		}
		for _, n := range found.(answer).notes {
			all = append(all, Note{By: o, Sonames: n.Sonames, Feature: n.Feature, Description: n.Description, Priority: n.Priority})
		}
		if err := found.(answer).bad; err != nil {
			bad = errors.Join(bad, fmt.Errorf("reading the notes of %q: %w", o.Path, err))
		}
		return nil
	})
	return all, errors.Join(err, bad)
}
