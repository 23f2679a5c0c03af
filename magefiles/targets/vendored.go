//go:build fromscratch_command

package targets

// Nobody sets the tag. But go mod tidy and go mod vendor look at every tag: the
// command, which no magefile imports, has its modules in go.mod and go.sum and its
// packages in vendor/.
import _ "github.com/fromscratch-go/fromscratch/magefiles/fromscratch"
