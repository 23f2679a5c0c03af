package plan

import (
	"errors"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/probe"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// ownFiles returns the Files of the Config that the image's platform gets. reason says where they were asked for.
func (p *planner) ownFiles(reason string) ([]rootfs.File, error) {
	var files []rootfs.File
	for _, f := range p.config.Files {
		wanted := len(f.Platforms) == 0
		for _, name := range f.Platforms {
			named, err := platform.Parse(name)
			if err != nil {
				return nil, fmt.Errorf("reading the Platforms of the File %q (%s): %w", f.To, p.Origin, err)
			}
			wanted = wanted || platform.Same(named, p.Platform)
		}
		capabilities, err := rootfs.ParseCapabilities(f.Capabilities)
		if err != nil {
			return nil, fmt.Errorf("reading the Capabilities of the File %q (%s): %w", f.To, p.Origin, err)
		}
		if wanted {
			files = append(files, rootfs.File{From: f.From, To: f.To, Owner: f.Owner, Mode: f.Mode, Capabilities: capabilities, Reason: reason})
		}
	}
	return files, nil
}

func dirs(list []config.Dir, reason string) []rootfs.Dir {
	var dirs []rootfs.Dir
	for _, d := range list {
		dirs = append(dirs, rootfs.Dir{Path: d.Path, Owner: d.Owner, Mode: d.Mode, Reason: reason})
	}
	return dirs
}

func users(list []config.User) []rootfs.User {
	var users []rootfs.User
	for _, u := range list {
		users = append(users, rootfs.User(u))
	}
	return users
}

func healthcheck(h *config.Healthcheck) (*image.Healthcheck, error) {
	if h == nil {
		return nil, nil
	}
	test := h.Test
	if h.Probe != "" {
		if len(test) > 0 {
			return nil, errors.New("the Healthcheck has Test and Probe\nfix: leave one of them out")
		}
		args, err := probe.Arguments(h.Probe)
		if err != nil {
			return nil, err
		}
		test = append([]string{probe.Path}, args...)
	}
	return &image.Healthcheck{
		Test: test, Interval: h.Interval, Timeout: h.Timeout,
		StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}, nil
}
