package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// workerPrefix starts the names of the worker's processes. The kernel keeps fifteen characters of a name
// (proc_pid_comm(5)).
const workerPrefix = "fromscratch"

// peaks are the largest resident sets, in bytes, by process name.
type peaks map[string]int64

func (p peaks) note(name string, size int64) { p[name] = max(p[name], size) }

// ofWorker returns the peak of the worker.
func (p peaks) ofWorker() int64 {
	var size int64
	for name, s := range p {
		if strings.HasPrefix(name, workerPrefix) {
			size = max(size, s)
		}
	}
	return size
}

// largestOther returns the process with the highest peak besides the worker.
func (p peaks) largestOther() (name string, size int64) {
	for n, s := range p {
		if !strings.HasPrefix(n, workerPrefix) && (s > size || s == size && n < name) {
			name, size = n, s
		}
	}
	return name, size
}

// watched runs a command in the module, and notes the peaks of it and its descendants. The kernel keeps each process's
// peak, so only growth in a process's last millisecond can be missed.
func (s *site) watched(ctx context.Context, seen peaks, env []string, args ...string) error {
	cmd := s.bench.prepare(ctx, command{dir: s.dir, env: env, args: args})
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("running %q in %q: %w\n%s", strings.Join(args, " "), s.dir, err, said.Bytes())
			}
			return nil
		case <-time.After(time.Millisecond):
			noteDescendants(cmd.Process.Pid, seen)
		}
	}
}

// process is what /proc has about a process (proc_pid_status(5)).
type process struct {
	name   string
	parent int
	peak   int64
}

// noteDescendants notes the peaks of a process and its descendants.
func noteDescendants(root int, seen peaks) {
	all := map[int]process{}
	files, _ := filepath.Glob("/proc/[0-9]*/status") // the pattern is well-formed
	for _, path := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if text, err := os.ReadFile(path); err == nil { // on an error, the process has ended
			all[pid] = parseStatus(string(text))
		}
	}
	for pid, p := range all {
		if below(all, pid, root) {
			seen.note(p.name, p.peak)
		}
	}
}

// below reports whether a process is root or a descendant of it.
func below(all map[int]process, pid, root int) bool {
	for pid != root {
		p, found := all[pid]
		if !found || p.parent == pid {
			return false
		}
		pid = p.parent
	}
	return true
}

// parseStatus parses the lines that are used here. A zombie has no VmHWM.
func parseStatus(text string) process {
	var p process
	for _, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			p.name = value
		case "PPid":
			p.parent, _ = strconv.Atoi(value)
		case "VmHWM":
			kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
			p.peak = kilobytes << 10
		}
	}
	return p
}
