package send

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// RemoveStale removes the archive, the layout and the documents of an earlier build from dist/, unless they are of this image. An
// engine or a cluster gets the image now, and they would be of another one.
func RemoveStale(ctx context.Context, r result.Result) error {
	own := r.Plan.Dist()
	// The provenance names the image.
	statement, err := os.ReadFile(own.Provenance())
	if err != nil || !strings.Contains(string(statement), r.Image.ManifestDigest.Encoded()) {
		if err := removeDocuments(own); err != nil {
			return err
		}
	}
	if r.Plan.Of < 2 {
		return removeStaleFiles(r, own)
	}
	return r.Plan.Delivered().InUse(ctx, func(d dist.Folder) error {
		if err := removeDocuments(d); err != nil {
			return err
		}
		return removeStaleFiles(r, d)
	})
}

// removeStaleFiles removes the layout and the archive from a folder that this process holds, unless they are of the image.
func removeStaleFiles(r result.Result, folder dist.Folder) error {
	if !deliver.LayoutHas(folder.Layout(), r.Image.ConfigDigest) {
		if err := fsx.Remove(folder.Layout()); err != nil {
			return fmt.Errorf("removing the layout of an earlier build: %w", err)
		}
	}
	if deliver.ArchiveHolds(folder.Archive(), r.Image.ManifestDigest) {
		return nil
	}
	if err := fsx.Remove(folder.Archive()); err != nil {
		return fmt.Errorf("removing the archive of an earlier build: %w", err)
	}
	return nil
}

func removeDocuments(folder dist.Folder) error {
	if err := folder.RemoveDocuments(); err != nil {
		return fmt.Errorf("removing the documents of an earlier build: %w", err)
	}
	return nil
}
