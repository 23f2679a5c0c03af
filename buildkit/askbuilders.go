package buildkit

import (
	"context"
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
)

// Builders are the containers that compile programs: of Configs with a Builder. Whoever makes a Builders closes it.
type Builders = builder.Builders

// AskBuilders asks the engine which images the Builders of the Configs stand for: [Recall] knows then whether they are
// the same as before. It does nothing without a Builder, and pulls nothing.
func (in *Inputs) AskBuilders(ctx context.Context) error {
	in.builderIDs, in.builderMissing = nil, false
	for _, c := range in.Configs {
		if c.Builder == "" || in.leftOut(c) {
			continue
		}
		list, _, _, err := in.platforms(ctx, c)
		if err != nil {
			return err
		}
		for _, p := range list {
			engine, img, found, err := in.Builders.Image(ctx, c, p)
			if err != nil {
				return err
			}
			if !found {
				in.builderMissing = true
				return nil
			}
			in.builderIDs = append(in.builderIDs, fmt.Sprintf("%s at %s", img.ID, engine.Host()))
		}
	}
	return nil
}

// knowsBuilders tells whether the image of every Builder is known.
func (in Inputs) knowsBuilders() bool {
	for _, c := range in.Configs {
		if c.Builder != "" && !in.leftOut(c) && (in.builderMissing || len(in.builderIDs) == 0) {
			return false
		}
	}
	return true
}
