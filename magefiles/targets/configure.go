package targets

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

// Configured is the result of Configure, which lets a variable declaration call it.
type Configured struct{}

// configured holds the Configs of the magefile. mage passes a target only a context, so
// they must be kept in the package.
var configured struct {
	sync.Mutex
	configs []Config
}

// Configure records the images of this magefile: one Config is one image. It checks
// nothing. The target that uses a Config reports what is wrong in it.
//
//	var _ = targets.Configure(targets.Config{Main: "./cmd/server", Ports: []string{"8080"}})
func Configure(configs ...Config) Configured {
	origin := "Configure"
	if _, file, line, ok := runtime.Caller(1); ok {
		origin = fmt.Sprintf("%s:%d", filepath.Base(file), line)
	}
	configured.Lock()
	defer configured.Unlock()
	for _, c := range configs {
		if c.Origin == "" {
			c.Origin = origin
		}
		configured.configs = append(configured.configs, c)
	}
	return Configured{}
}

// recorded returns a copy of the Configs recorded so far.
func recorded() []Config {
	configured.Lock()
	defer configured.Unlock()
	return slices.Clone(configured.configs)
}
