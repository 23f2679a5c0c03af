package ldd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// The note's owner, its type, and limits on its content. systemd's libraries have about twenty notes of 200
// bytes.
const (
	dlopenOwner = "FDO\x00"
	dlopenType  = 0x407c0c0a
	maxJSON     = 1 << 16 // bytes of one note
	maxSonames  = 64
)

// Notes returns the dlopen notes of the objects in load order. Variants are skipped, because they have the
// notes of their baseline libraries. Unreadable notes are left out: the error covers only those, and all other
// notes are returned with it.
func (c *Closure) Notes(ctx context.Context) ([]Note, error) {
	var all []Note
	var bad error
	type answer struct {
		notes []Note
		bad   error
	}
	err := c.each(ctx, func(o *Object) error {
		found, err := c.ask(o, "notes", func(f *elfFile) (any, error) {
			notes, err := f.dlopenNotes()
			return answer{notes, err}, nil
		})
		if err != nil {
			return err
		}
		for _, n := range found.(answer).notes {
			n.By = o
			all = append(all, n)
		}
		if err := found.(answer).bad; err != nil {
			bad = errors.Join(bad, fmt.Errorf("reading the notes of %q: %w", o.Path, err))
		}
		return nil
	})
	return all, errors.Join(err, bad)
}

// dlopenNotes reads a file's dlopen notes.
func (f *elfFile) dlopenNotes() ([]Note, error) {
	notes, err := f.notes()
	var out []Note
	for _, n := range notes {
		if n.owner != dlopenOwner || n.typ != dlopenType {
			continue
		}
		part, e := parseDlopenNote(n.desc)
		out, err = append(out, part...), errors.Join(err, e)
	}
	return out, err
}

// parseDlopenNote reads a JSON array of objects that ends with a NUL. Unknown keys are ignored, for later
// versions.
func parseDlopenNote(desc []byte) ([]Note, error) {
	if len(desc) > maxJSON {
		return nil, fmt.Errorf("a note has %d bytes", len(desc))
	}
	var entries []struct {
		Soname                         []string
		Feature, Description, Priority string
	}
	if err := json.Unmarshal([]byte(cString(desc)), &entries); err != nil {
		return nil, err
	}
	var out []Note
	for _, e := range entries {
		if len(e.Soname) == 0 || len(e.Soname) > maxSonames {
			return out, fmt.Errorf("a note has %d sonames", len(e.Soname))
		}
		if e.Priority == "" {
			e.Priority = "recommended"
		}
		out = append(out, Note{Sonames: e.Soname, Feature: e.Feature, Description: e.Description, Priority: e.Priority})
	}
	return out, nil
}
