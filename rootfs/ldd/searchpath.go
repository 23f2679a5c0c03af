package ldd

import (
	"fmt"
	"strings"
)

// maxSearches limits the steps of all searches of one resolution: each folder of a search path once, and each file that is
// looked for in a folder that exists. ffmpeg with 213 libraries takes 442 steps, and a program with 300 libraries whose RPATHs
// have 60 folders each about 50,000. All names that the loader is asked for afterwards may take as many again, see Find.
const maxSearches = 1 << 20

// searches counts the steps of searches.
type searches struct{ left, most int }

// newSearches returns as many steps.
func newSearches(most int) *searches { return &searches{most, most} }

// take takes steps. When there are too few, it returns an error, and so does every later call.
func (s *searches) take(n int) error {
	s.left -= n
	return s.err()
}

func (s *searches) err() error {
	if s.left >= 0 {
		return nil
	}
	return fmt.Errorf("its search paths have too many folders: looking for its libraries takes more than %d steps\nfix: link the program and its libraries with fewer folders in RPATH and RUNPATH, or with RUNPATH, which only the library itself uses", s.most)
}

// stopped returns why no more libraries may be loaded: the context has ended, or the searches take too long.
func (r *process) stopped() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	return r.searches.err()
}

// searchPath is a list of folders and the rule that it comes from. Each search path of an object is made once, and each of its
// folders is looked for once.
type searchPath struct {
	rule    string
	dirs    []string
	found   []foundDir // those that exist, of the first scanned ones
	scanned int
	label   func(dir string) string // for messages; nil for the folder itself
	labels  []string                // of the first folders
}

// foundDir is a folder of a search path that exists, or a subfolder of it.
type foundDir struct {
	i   int    // of the folder
	sub string // "" is the folder itself
}

// next returns the i-th folder that exists. It scans no more folders than that needs; scan returns the subfolders that exist,
// and none if the folder does not exist.
func (p *searchPath) next(i int, scan func(dir string) ([]string, error)) (f foundDir, ok bool, err error) {
	for i >= len(p.found) {
		if p.scanned == len(p.dirs) {
			return foundDir{}, false, nil
		}
		subs, err := scan(p.dirs[p.scanned])
		if err != nil {
			return foundDir{}, false, err
		}
		for _, sub := range subs {
			p.found = append(p.found, foundDir{p.scanned, sub})
		}
		p.scanned++
	}
	return p.found[i], true, nil
}

// labelOf returns the name of a folder for messages. All messages share it.
func (p *searchPath) labelOf(i int) string {
	for len(p.labels) <= i {
		dir := p.dirs[len(p.labels)]
		if p.label != nil {
			dir = p.label(dir)
		}
		p.labels = append(p.labels, dir+" ("+p.rule+")")
	}
	return p.labels[i]
}

// searchLog has the places of one search, for errors.
type searchLog []searched

// searched is a place, or the first folders of a list.
type searched struct {
	place string
	list  *searchPath
	dirs  int            // number of folders that were searched
	notes map[int]string // what was found there instead, by folder
}

// add adds a place that is not a list.
func (l *searchLog) add(place string) { *l = append(*l, searched{place: place}) }

// begin adds a list. The caller sets the number of its folders by reach.
func (l *searchLog) begin(list *searchPath) { *l = append(*l, searched{list: list}) }

// reach records that the folders before the n-th of the last list were searched.
func (l searchLog) reach(n int) { l[len(l)-1].dirs = n }

// annotate adds details to the last place.
func (l searchLog) annotate(text string) {
	if len(l) == 0 {
		return
	}
	s := &l[len(l)-1]
	if s.list == nil {
		s.place += ", " + text
		return
	}
	if s.notes == nil {
		s.notes = map[int]string{}
	}
	s.notes[s.dirs-1] += ", " + text
}

// maxPlaces limits the places in an error.
const maxPlaces = 100

// places returns the places in order.
func (l searchLog) places() []string {
	var out []string
	more := 0
	add := func(place func() string) {
		if len(out) == maxPlaces {
			more++
			return
		}
		out = append(out, place())
	}
	for _, s := range l {
		if s.list == nil {
			add(func() string { return s.place })
			continue
		}
		for i := range s.dirs {
			if len(out) == maxPlaces {
				more += s.dirs - i
				break
			}
			add(func() string { return s.list.labelOf(i) + s.notes[i] })
		}
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more places", more))
	}
	return out
}

// dirLabel returns the name of a folder for messages.
func dirLabel(dir string) string {
	switch dir {
	case "":
		return "the working directory"
	case "/":
		return dir
	}
	return strings.TrimSuffix(dir, "/")
}
