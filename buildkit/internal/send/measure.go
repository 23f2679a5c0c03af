package send

import (
	"context"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
)

// Sizes are those of an image and of its predecessor in the registry, compressed, in bytes.
type Sizes struct {
	Now, Before int64
	Reference   string // of the predecessor; "" if there is none
}

// Measure compresses an image as [Push] does, and asks the registry what it has under the tags of the image, for its platform. It sends
// nothing. It fails with a [*report.RegistryError] if the registry cannot be reached or refuses.
func Measure(ctx context.Context, img Image, o PushOptions) (s Sizes, err error) {
	p := img.Plan
	if err := Pushable([]plan.Image{p}); err != nil {
		return s, err
	}
	done := img.Report.Step(p.Label(), "measure", "compressing the layers, and asking for "+p.Reference)
	defer func() { done("compressed, and asked the registry", err) }()
	g := platforms{img}
	r := g.connection(o)
	if s.Now, err = registry.Packed(ctx, r, img.Image); err != nil {
		return s, fmt.Errorf("compressing image %q: %w", p.Reference, err)
	}
	before, err := registry.Find(ctx, r, img.Image.Config().Platform)
	if err != nil {
		return s, fmt.Errorf("comparing the size of image %q: %w", p.Reference, g.failed(err))
	}
	if before.Tag != "" {
		s.Before, s.Reference = before.Size, p.Repository+":"+before.Tag
	}
	return s, nil
}
