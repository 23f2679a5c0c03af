package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// compare measures all ways to make an image of one program.
func (b *bench) compare(ctx context.Context, p program) (err error) {
	if p.missing != nil {
		if reason := p.missing(); reason != "" {
			return left(reason)
		}
	}
	dir, remove, err := b.newFolder(p.name)
	if err != nil {
		return err
	}
	defer remove(&err)
	sites, err := b.sites(ctx, p, dir)
	if err != nil {
		return err
	}
	for n := range b.rounds + 1 {
		for _, s := range measure.Rotated(sites, n) {
			if s.left != nil {
				continue
			}
			if err := s.count(ctx, n); err != nil {
				return err
			}
		}
	}
	return b.writeComparison(p, sites)
}

// count times one round. Round 0 only fills the caches.
func (s *site) count(ctx context.Context, n int) error {
	took, err := s.round(ctx)
	if err != nil {
		return s.leaveOut(ctx, err)
	}
	s.say("%s, round %d of %d: %s %.2f %.2f %.2f", s.program.name, n, s.rounds, s.way.name, took[0].Seconds(), took[1].Seconds(), took[2].Seconds())
	for i := range took {
		if n > 0 {
			s.took[i].Add(took[i])
		}
	}
	return nil
}

// leaveOut leaves out a way that has failed. If it is one of fromscratch's own, it returns the error.
func (s *site) leaveOut(ctx context.Context, err error) error {
	if s.way.ours || ctx.Err() != nil {
		return err
	}
	s.say("%s: %s is left out: %v", s.program.name, s.title, err)
	s.left, s.took = err, [len(cases)]measure.Samples{}
	return nil
}

// sites copies the program's module for each chosen way. All paths have the same length.
func (b *bench) sites(ctx context.Context, p program, dir string) ([]*site, error) {
	plain, withTargets := filepath.Join(dir, "plain"), filepath.Join(dir, "targets")
	if err := p.write(ctx, b, plain); err != nil {
		return nil, err
	}
	if err := copyTree(plain, withTargets); err != nil {
		return nil, err
	}
	if err := b.addTargets(ctx, withTargets, plainMagefile); err != nil {
		return nil, err
	}
	var sites []*site
	for i, w := range ways() {
		if !b.ways.has(w.name) {
			continue
		}
		from := plain
		if w.targets {
			from = withTargets
		}
		s := b.newSite(p, w, filepath.Join(dir, fmt.Sprintf("way%d", i)))
		if err := s.setUp(ctx, from); err != nil {
			if err := s.leaveOut(ctx, err); err != nil {
				return nil, err
			}
		}
		sites = append(sites, s)
	}
	return sites, nil
}

func (b *bench) newSite(p program, w way, dir string) *site {
	return &site{bench: b, program: p, way: w, title: w.title, dir: filepath.Join(dir, p.name), work: filepath.Join(dir, "work")}
}

// setUp copies the module and does the way's one-time preparation.
func (s *site) setUp(ctx context.Context, from string) error {
	if err := copyTree(from, s.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.work, 0o755); err != nil {
		return err
	}
	var err error
	if s.constant, err = s.edit(s.dir); err != nil || s.way.prepare == nil {
		return err
	}
	return s.way.prepare(s, ctx)
}

// writeComparison writes the table of one program.
func (b *bench) writeComparison(p program, sites []*site) error {
	base := map[string]*site{wayBuild: {}, wayFloor: {}} // without samples until their sites are found
	for _, s := range sites {
		base[s.way.name] = s
	}
	title := p.title
	if size := base[wayBuild].size; size > 0 {
		title += fmt.Sprintf(", %.1f MB", float64(size)/1e6)
	}
	header := []string{title}
	for _, c := range cases {
		header = append(header, c.name, "min", "× build", "× floor")
	}
	t := measure.NewTable(header...)
	for _, s := range sites {
		row := []string{s.title}
		for i, took := range s.took {
			if s.left != nil {
				row = append(row, "–", "", "", "")
				continue
			}
			row = append(row, measure.Seconds(took.Median()), measure.Seconds(took.Least()),
				measure.Times(took.Ratio(base[wayBuild].took[i])), measure.Times(took.Ratio(base[wayFloor].took[i])))
		}
		t.Add(row...)
	}
	fmt.Fprintln(b.out)
	t.Write(b.out)
	b.writeNotes(sites)
	return nil
}

// writeNotes writes notes below a table.
func (b *bench) writeNotes(sites []*site) {
	fmt.Fprintln(b.out)
	for _, s := range sites {
		var reason left
		switch {
		case errors.As(s.left, &reason):
			fmt.Fprintf(b.out, "- %s: left out, %s\n", s.title, reason)
		case s.left != nil:
			fmt.Fprintf(b.out, "- %s: left out, it failed: %s\n", s.title, lastLine(s.left))
		case s.way.bare && s.program.cgo:
			fmt.Fprintf(b.out, "- %s: without the libraries; this image does not start\n", s.title)
		}
	}
}
