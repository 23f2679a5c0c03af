package targets_test

import (
	"os"

	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

// In a magefile this is a variable: var _ = targets.Configure(…). One Config is one image.
func ExampleConfigure() {
	targets.Configure(
		targets.Config{Main: "./cmd/server", Repo: "registry.example/acme/server", Ports: []string{"8080"}},
		targets.Config{
			Main:  "./cmd/worker",
			Env:   map[string]string{"QUEUE": os.Getenv("QUEUE")},
			Files: []targets.File{{From: "templates", To: "/srv/templates"}},
			Users: []targets.User{{Name: "worker", UID: 1000}},
			User:  "worker",
		},
	)
}
