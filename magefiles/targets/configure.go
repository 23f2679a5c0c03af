package targets

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// The words of a Config; package config documents every field.
type (
	// Config is one image. Its zero value is an image of the module's only
	// program, with every default.
	Config = config.Config
	// File is a file, folder or glob that goes into the image.
	File = config.File
	// Dir is a directory to make in the image.
	Dir = config.Dir
	// User is a line in the image's /etc/passwd and /etc/group.
	User = config.User
	// Healthcheck is the image's health check, in exec form.
	Healthcheck = config.Healthcheck
)

// Configured is what Configure returns, so that it can stand in a variable
// declaration.
type Configured struct{}

// configured is what the magefile has recorded. mage gives a target nothing but
// a context, so the Configs have to wait for it in the package.
var configured struct {
	sync.Mutex
	configs []Config
}

// Configure records the images of this magefile: one Config is one image. It
// only records; what is wrong in a Config is told by the target that needs it.
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

// recorded gives a copy of what Configure has recorded so far.
func recorded() []Config {
	configured.Lock()
	defer configured.Unlock()
	return slices.Clone(configured.configs)
}
