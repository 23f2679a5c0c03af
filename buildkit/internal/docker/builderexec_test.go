package docker

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types"
)

// A command that reads nothing, because somebody has stopped it, does not keep a run from its end.
func TestConverseWithStopped(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	conn := types.HijackedResponse{Conn: ours, Reader: bufio.NewReader(ours)}
	ctx, stop := context.WithCancelCause(context.Background())
	interrupted := errors.New("interrupted")
	time.AfterFunc(100*time.Millisecond, func() { stop(interrupted) })
	ended := make(chan error, 1)
	go func() { ended <- execution{stdin: strings.NewReader("names")}.converse(ctx, conn, conn.Reader) }()
	select {
	case err := <-ended:
		if !errors.Is(err, interrupted) {
			t.Errorf("the error is %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it still writes 30 s after the interruption")
	}
}
