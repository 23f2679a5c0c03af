package ldd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// A Note is a library that an object says it may open while it runs, in its .note.dlopen:
// https://uapi-group.org/specifications/specs/elf_dlopen_metadata/.
type Note struct {
	By          *Object
	Sonames     []string // one of them is wanted, the best first; never empty
	Feature     string   // what it is for, a word
	Description string   // the same for people
	Priority    string   // "required", "recommended" or "suggested"
}

// The note's owner, its type, and bounds on what it says. systemd's libraries have some twenty notes of
// 200 bytes.
const (
	dlopenOwner = "FDO\x00"
	dlopenType  = 0x407c0c0a
	maxJSON     = 1 << 16 // bytes of one note
	maxSonames  = 64
)

// Notes returns what the objects of the closure say they open, in load order; variants say what their
// baseline libraries do. Notes that cannot be read are left out: the error is about those alone, and
// comes with all others.
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

// dlopenNotes reads a file's notes about libraries.
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

// parseDlopenNote reads a JSON array of objects, ended by a NUL. Unknown keys are for later versions.
func parseDlopenNote(desc []byte) ([]Note, error) {
	if len(desc) > maxJSON {
		return nil, fmt.Errorf("a note of %d bytes", len(desc))
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
			return out, fmt.Errorf("a note of %d sonames", len(e.Soname))
		}
		if e.Priority == "" {
			e.Priority = "recommended"
		}
		out = append(out, Note{Sonames: e.Soname, Feature: e.Feature, Description: e.Description, Priority: e.Priority})
	}
	return out, nil
}
