package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/document"
)

// image loads every image into the engine or the cluster, or writes archives. It prints references or paths.
func image(ctx context.Context, m *images) error {
	to, err := m.engines.Destination(ctx)
	if err != nil {
		return err
	}
	if err := to.Check(); err != nil {
		return err
	}
	if to.Engine != nil {
		m.selectEnginePlatform()
	}
	list, all, err := m.unchanged(ctx, to)
	if err != nil {
		return err
	}
	reportUnchanged(m.inputs.Report, list)
	known := map[string]said{}
	for _, d := range list {
		known[d.Name] = unchangedImage(d)
	}
	if all {
		for _, d := range list {
			if err := m.out.say(known[d.Name]); err != nil {
				return err
			}
		}
		return nil
	}
	plans, err := m.plans(ctx)
	if err != nil {
		return err
	}
	switch {
	case to.Engine == nil:
		return m.buildGroups(ctx, plans, func(ctx context.Context, group []*buildkit.Result) (said, error) {
			return archiveInstead(ctx, group, to.Missing)
		})
	case to.Cluster != nil:
		return m.buildEach(ctx, plans, known, func(ctx context.Context, b *buildkit.Result) (said, error) {
			return saidOf(b.Plan.Reference, b), b.LoadCluster(ctx, b.Plan.Reference, to.Cluster)
		})
	}
	return m.loadEach(ctx, plans, to.Engine, known)
}

// loadEach builds images and loads them into the engine. Those that are in known
// are there already.
func (m *images) loadEach(ctx context.Context, plans []buildkit.Plan, engine *buildkit.Engine, known map[string]said) error {
	only, err := m.announce(ctx, engine, plans)
	if err != nil {
		return err
	}
	defer only.Close()
	return m.buildEach(ctx, plans, known, func(ctx context.Context, b *buildkit.Result) (said, error) {
		to := only
		if len(plans) > 1 {
			to = only.Fork()
			defer to.Close()
		}
		return saidOf(b.Plan.Reference, b), b.Load(ctx, to)
	})
}

// announce starts a delivery to the engine. If there is only one image, it announces it
// before the build. Of several images, each is loaded while the next one is built. An image
// is only loaded if the engine has the platform that was assumed.
func (m *images) announce(ctx context.Context, engine *buildkit.Engine, plans []buildkit.Plan) (*buildkit.Delivery, error) {
	to := buildkit.NewDelivery(engine)
	to.Confirm = m.engines.Confirm
	if len(plans) != 1 {
		return to, nil
	}
	if err := to.Announce(ctx, plans[0]); err != nil {
		to.Close()
		return nil, err
	}
	return to, nil
}

// archiveInstead writes an archive because there is no engine, and reports why, if one was looked for. For stdout it
// says the archive's path, not the reference: an engine may have an older image under that.
func archiveInstead(ctx context.Context, group []*buildkit.Result, noEngine error) (said, error) {
	s, err := writeArchive(ctx, group)
	b := group[0]
	if err == nil && noEngine != nil {
		b.Note("docker", fmt.Sprintf("no engine was found, so the image was written to the archive %s: %s", b.Plan.Show(s.lines), oneLine(noEngine)))
	}
	return s, err
}

func writeArchive(ctx context.Context, group []*buildkit.Result) (said, error) {
	paths, err := buildkit.ArchiveAll(ctx, group, buildkit.Platform{OS: "linux", Architecture: runtime.GOARCH})
	if err != nil {
		return said{}, err
	}
	return wrote(paths[:1], group...), nil
}

// imageArchive writes the images as archives and prints their paths.
func imageArchive(ctx context.Context, m *images) error { return m.groups(ctx, writeArchive) }

// imageRootfs builds the images and prints the folders of their root file systems.
func imageRootfs(ctx context.Context, m *images) error {
	return m.each(ctx, func(_ context.Context, b *buildkit.Result) (said, error) {
		return wrote([]string{b.Plan.Dist().Rootfs()}, b), nil
	})
}

// imageSBOM writes the documents about the images and prints their paths.
func imageSBOM(ctx context.Context, m *images) error {
	return m.each(ctx, func(ctx context.Context, b *buildkit.Result) (said, error) {
		paths, err := b.WriteDocuments(ctx)
		return wrote(paths, b), err
	})
}

// imageClean removes the folders of the images.
func imageClean(ctx context.Context, m *images) error {
	dists, err := buildkit.Dists(ctx, m.inputs)
	if err != nil {
		return err
	}
	for _, d := range dists {
		removed, err := d.Remove(ctx)
		if err != nil {
			return err
		}
		if removed {
			m.inputs.Report.Note(d.Name(), "clean", "removed "+string(d))
			if m.out.document != nil {
				m.out.document.AddPath(string(d))
			}
		}
	}
	return nil
}

// unchangedImage says that an image needed no work.
func unchangedImage(d buildkit.Deliverable) said {
	return said{lines: d.Reference, images: []document.Image{{Name: d.Name, Platform: d.Config.Platform.String(), Reference: d.Reference, Digest: d.IDs[0], Unchanged: true}}}
}
