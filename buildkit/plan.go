package buildkit

import "github.com/fromscratch-go/fromscratch/buildkit/internal/plan"

// Plan is one image with everything decided and nothing done. [Resolve] makes it.
type Plan = plan.Image

// Value is a decision, and who made it: "default", "discovered", "go.mod", "host", a place in a magefile or a variable of the
// environment.
type Value = plan.Value
