//go:build fromscratch_command

package targets

// Nobody sets the build tag, but go mod tidy and go mod vendor consider every tag. So
// the modules of the worker, which no magefile imports, get into go.mod and go.sum,
// and their packages into vendor/.
import _ "github.com/fromscratch-go/fromscratch/magefiles/fromscratch"
