//go:build pins

package docker

// The Docker client has no go.mod. go mod tidy would pick the newest modules that its tests import, and with them a new Go
// version. Because of these imports, this module names older ones. Nobody sets the tag.
import (
	_ "github.com/docker/docker/api/server/httputils"
	_ "github.com/docker/docker/testutil"
)
