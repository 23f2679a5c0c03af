package targets

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/config"
)

// The types of a Config. Package config documents every field.
type (
	// Config describes one image. Its zero value is the image of the module's only
	// main package, with every default.
	Config = config.Config
	// File is a file, folder or glob that goes into the image.
	File = config.File
	// Dir is a directory to make in the image.
	Dir = config.Dir
	// User is an account in the image's /etc/passwd and /etc/group.
	User = config.User
	// Healthcheck is the image's health check, in exec form.
	Healthcheck = config.Healthcheck
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
