package kind

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
)

// nodeError reports that a command in a node exited with a code other than 0.
type nodeError struct {
	node   string
	args   []string
	code   int
	stderr string
}

func (e *nodeError) Error() string {
	text := fmt.Sprintf("running %q in the node %s: exit code %d", strings.Join(e.args, " "), e.node, e.code)
	if e.stderr != "" {
		text += ": " + e.stderr
	}
	return text
}

// run runs a command in a node and returns what it writes to stdout. input, if set, writes its standard input.
func (c *Cluster) run(ctx context.Context, n Node, args []string, input func(context.Context, io.Writer) error) (string, error) {
	return c.engine.Exec(ctx, docker.ExecRequest{
		Container: n.ID, Where: "the node " + n.Name, Args: args, Input: input,
		Failed: func(code int, output string) error {
			return nodeFix(&nodeError{n.Name, args, code, lastWords(output)}, n)
		},
	})
}

// lastWords returns why a command failed: its last line that is not a log line.
func lastWords(text string) string {
	last := ""
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "time=") {
			last = line
		}
	}
	return strings.TrimPrefix(last, "ctr: ")
}
