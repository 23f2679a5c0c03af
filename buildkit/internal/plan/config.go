package plan

import (
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// files returns the Files of a Config for package rootfs. reason says where they were asked
// for.
func files(list []config.File, reason string) []rootfs.File {
	var files []rootfs.File
	for _, f := range list {
		files = append(files, rootfs.File{From: f.From, To: f.To, Owner: f.Owner, Mode: f.Mode, Reason: reason})
	}
	return files
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

func healthcheck(h *config.Healthcheck) *image.Healthcheck {
	if h == nil {
		return nil
	}
	return &image.Healthcheck{
		Test: h.Test, Interval: h.Interval, Timeout: h.Timeout,
		StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
}
