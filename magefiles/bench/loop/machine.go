package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// writeMachine writes the machine, the tools and the source that were measured.
func (b *bench) writeMachine(ctx context.Context) {
	fmt.Fprintf(b.out, "- %s, %d cores, %s %s, load %s before\n",
		measure.Processor(), runtime.NumCPU(), runtime.GOOS, measure.FileText("/proc/sys/kernel/osrelease"), measure.Load())
	fmt.Fprintf(b.out, "- %s, mage %s, docker command %s\n",
		b.answer(ctx, "go", "env", "GOVERSION"),
		b.answer(ctx, "go", "list", "-m", "-f", "{{.Version}}", "github.com/magefile/mage"),
		b.answer(ctx, "docker", "--version"))
	fmt.Fprintf(b.out, "- %s, source %s\n", time.Now().Format(time.DateOnly), b.answer(ctx, "git", "describe", "--always", "--dirty"))
	fmt.Fprintf(b.out, "- seconds, medians of %d alternating rounds; × is the ratio of two medians\n", b.rounds)
}

// answer returns a command's output on one line.
func (b *bench) answer(ctx context.Context, args ...string) string {
	out, err := b.call(ctx, command{dir: b.root, args: args})
	if err != nil {
		return "unknown"
	}
	return strings.SplitN(out, "\n", 2)[0]
}
