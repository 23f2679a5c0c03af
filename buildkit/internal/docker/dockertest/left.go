package dockertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// Cleanup removes the image at the end of the test, by name and by ID. No other image has the ID.
func (ti *Image) Cleanup(t *testing.T, api client.ImageAPIClient) {
	t.Cleanup(func() {
		for _, name := range []string{ti.Ref, ti.Config, ti.Manifest} {
			_, err := api.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true, PruneChildren: true})
			if err != nil && !errdefs.IsNotFound(err) {
				t.Logf("removing %s: %v", name, err)
			}
		}
	})
}

// NothingLeft returns an error if the tests of this process have left containers in an engine, which have [Label] with
// the value of [RunLabel].
func NothingLeft(api client.ContainerAPIClient) error {
	ctx := context.Background()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) { // an engine removes an ended container a moment later
		left, err := api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", Label+"="+RunLabel()))})
		switch {
		case err != nil:
			return fmt.Errorf("looking for containers that are left: %w", err)
		case len(left) == 0:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d containers are left, the first is %v", len(left), left[0].Names)
		}
	}
}
