package elf

import (
	"encoding/json"
	"errors"
	"fmt"
)

// DlopenNote is a library that a file announces in its .note.dlopen that it may open at run time:
// https://uapi-group.org/specifications/specs/elf_dlopen_metadata/.
type DlopenNote struct {
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

// DlopenNotes reads the file's dlopen notes. Unreadable notes are left out: the error covers only those, and all
// other notes are returned with it.
func (f *File) DlopenNotes() ([]DlopenNote, error) {
	notes, err := f.notes()
	var out []DlopenNote
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
func parseDlopenNote(desc []byte) ([]DlopenNote, error) {
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
	var out []DlopenNote
	for _, e := range entries {
		if len(e.Soname) == 0 || len(e.Soname) > maxSonames {
			return out, fmt.Errorf("a note has %d sonames", len(e.Soname))
		}
		if e.Priority == "" {
			e.Priority = "recommended"
		}
		out = append(out, DlopenNote{e.Soname, e.Feature, e.Description, e.Priority})
	}
	return out, nil
}
