package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// writeMachine writes where and by what the figures were taken.
func (b *bench) writeMachine(ctx context.Context) {
	fmt.Fprintf(b.out, "- %s, %d cores, %s %s, load %s before\n",
		processor(), runtime.NumCPU(), runtime.GOOS, fileText("/proc/sys/kernel/osrelease"), load())
	fmt.Fprintf(b.out, "- %s, mage %s, docker command %s\n",
		b.answer(ctx, "go", "env", "GOVERSION"),
		b.answer(ctx, "go", "list", "-m", "-f", "{{.Version}}", "github.com/magefile/mage"),
		b.answer(ctx, "docker", "--version"))
	fmt.Fprintf(b.out, "- %s, source %s\n", time.Now().Format(time.DateOnly), b.answer(ctx, "git", "describe", "--always", "--dirty"))
	fmt.Fprintf(b.out, "- seconds, medians of %d alternating rounds; × is the ratio of two medians\n", b.rounds)
}

// answer is what a command says of itself in one line.
func (b *bench) answer(ctx context.Context, args ...string) string {
	out, err := b.call(ctx, command{dir: b.root, args: args})
	if err != nil {
		return "unknown"
	}
	return strings.SplitN(out, "\n", 2)[0]
}

// processor is the model's name (proc_cpuinfo(5)).
func processor() string {
	for _, line := range strings.Split(fileText("/proc/cpuinfo"), "\n") {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// load is the machine's load over the last minute (proc_loadavg(5)).
func load() string { return strings.SplitN(fileText("/proc/loadavg"), " ", 2)[0] }

// fileText is a file's text, "unknown" where there is no such file.
func fileText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
