//go:build fromscratch_command

package targets

// Nobody sets the tag. But go mod tidy and go mod vendor look at every tag: the
// commands, which no magefile imports, have their modules in go.mod and go.sum and
// their packages in vendor/.
import (
	_ "github.com/fromscratch-go/fromscratch/buildkit/supervisor"
	_ "github.com/fromscratch-go/fromscratch/magefiles/fromscratch"
)
