package platform_test

import (
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// A machine runs programs for older variants of its architecture too.
func ExampleBest() {
	machine, list := platform.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, []platform.Platform{
		{OS: "linux", Architecture: "arm", Variant: "v5"},
		{OS: "linux", Architecture: "arm", Variant: "v6"},
		{OS: "linux", Architecture: "arm64", Variant: "v8"},
	}
	fmt.Println(platform.Best(machine, list))
	// Output:
	// linux/arm/v6 true
}
