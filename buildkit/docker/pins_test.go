//go:build pins

package docker

// The Docker client has no go.mod: whoever runs go mod tidy gets the newest of
// what its tests import, and with that a new Go version, unless a module on the
// way names others. Ours does, because of these imports. Nobody sets the tag.
import (
	_ "github.com/docker/docker/api/server/httputils"
	_ "github.com/docker/docker/testutil"
)
