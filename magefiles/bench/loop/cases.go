package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// cases are what is timed in each round, in this order.
var cases = [...]struct {
	name   string
	fresh  bool // without the image and earlier build output
	edited bool // a line of main was changed
}{
	{"first", true, true}, // a program that no builder has cached
	{"changed", false, true},
	{"unchanged", false, false},
}

// round times all cases of one way. It then removes the image, because the next way must not find its layers.
func (s *site) round(ctx context.Context) (took [len(cases)]time.Duration, err error) {
	defer func() { err = errors.Join(err, s.forget(context.WithoutCancel(ctx))) }()
	for i, c := range cases {
		if c.fresh {
			if err := s.forget(ctx); err != nil {
				return took, err
			}
		}
		if c.edited {
			if s.constant, err = s.edit(s.dir); err != nil {
				return took, err
			}
		}
		if took[i], err = s.time(ctx); err == nil {
			err = s.check(ctx, c.edited)
		}
		if err != nil {
			return took, fmt.Errorf("%s, %s: %w", s.title, c.name, err)
		}
	}
	return took, nil
}

// time builds, and returns how long it took.
func (s *site) time(ctx context.Context) (time.Duration, error) {
	measure.Settle(ctx)
	began := time.Now()
	err := s.way.build(s, ctx)
	return time.Since(began), err
}

// check checks the result of a build: it has the current program, and the image differs from the one before if and only
// if something was changed.
func (s *site) check(ctx context.Context, edited bool) error {
	if s.way.program {
		return s.checkProgram()
	}
	id, err := s.engine.imageID(ctx, s.reference())
	switch {
	case err != nil:
		return err
	case id == "":
		return fmt.Errorf("the engine has no image %q", s.reference())
	case edited && id == s.id:
		return fmt.Errorf("the image %q has not changed", s.reference())
	case !edited && s.way.ours && id != s.id:
		return fmt.Errorf("the image %q has changed, but the program has not", s.reference())
	}
	before := s.id
	s.id = id
	if before != "" && before != id {
		err = errors.Join(s.engine.removeImages(ctx, s.repo()+":", id), s.engine.removeUntagged(ctx, before))
	}
	if s.way.bare && s.program.cgo {
		return err // without its libraries, the program does not start
	}
	return errors.Join(err, s.checkStart(ctx, s.reference(), s.constant))
}

func (s *site) checkProgram() (err error) {
	s.size, err = checkHolds(s.binary(), s.constant)
	return err
}

// checkStart starts the program in an image and checks the constant that it prints.
func (b *bench) checkStart(ctx context.Context, ref, constant string) error {
	said, err := b.engine.output(ctx, prefix+"check", ref, tellFlag)
	if err != nil {
		return fmt.Errorf("starting %q: %w", ref, err)
	}
	if strings.TrimSpace(string(said)) != constant {
		return fmt.Errorf("the program in %q prints %q, but was compiled with %q", ref, said, constant)
	}
	return nil
}
