package buildkit

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/describe"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/kind"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/send"
)

type (
	// Delivery brings one image into an engine. The caller closes it.
	Delivery = send.Delivery
	// PushOptions say how images are pushed.
	PushOptions = send.PushOptions
	// Pushed is an image in a registry.
	Pushed = send.Pushed
)

// NewDelivery returns a delivery into an engine.
func NewDelivery(engine *Engine) *Delivery { return send.NewDelivery(engine) }

// Load brings the image into the engine under its reference, see [send.Load]. What the engine has is not sent. Meanwhile Load keeps
// what the next build can use. If the load fails, Load forgets that again, because it may be the reason. A failure of the engine is
// an [*EngineError].
func (r *Result) Load(ctx context.Context, d *Delivery) error {
	if err := d.Confirmed(); err != nil {
		return errors.Join(err, r.doubt())
	}
	img := r.toSend()
	if err := send.RemoveStale(ctx, img.Result); err != nil { // before the state of dist/ is kept
		return err
	}
	kept := make(chan error, 1)
	go func() { kept <- r.keepOnce() }()
	err := send.Load(ctx, img, d)
	keepErr := <-kept
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, r.doubt())
	}
	return errors.Join(err, keepErr)
}

// LoadCluster brings the image to the nodes of a kind cluster under a reference, see [send.LoadCluster]. A failure is an [*EngineError].
func (r *Result) LoadCluster(ctx context.Context, reference string, cluster *kind.Cluster) error {
	return send.LoadCluster(ctx, r.toSend(), reference, cluster)
}

// Pushable fails with a [*ConfigError] if an image cannot be pushed under its reference, see [send.Pushable].
func Pushable(plans []Plan) error { return send.Pushable(plans) }

// PushAll pushes images to their registries, each with all its tags, see [send.Push]. Several results of one name are the platforms of
// one image, an index. It fails with a [*RegistryError] if a registry cannot be reached or refuses.
func PushAll(ctx context.Context, built []*Result, o PushOptions) ([]Pushed, error) {
	return send.Push(ctx, allToSend(built), o)
}

// WriteRefs writes the references of images, one on a line, to a file, see [send.WriteRefs].
func WriteRefs(path string, pushed []Pushed) error { return send.WriteRefs(path, pushed) }

// LayoutAll writes images to OCI layouts and returns the folder of each name, see [send.Layout]. dir is a folder for all of them; ""
// means dist/NAME/layout of each.
func LayoutAll(ctx context.Context, built []*Result, dir string) ([]string, error) {
	return send.Layout(ctx, allToSend(built), dir)
}

// ArchiveAll writes images to dist/NAME/image.tar, and the documents about each beside it, and returns the path of each name, see
// [send.Archive]. An engine that cannot choose among platforms gets the image for own.
func ArchiveAll(ctx context.Context, built []*Result, own Platform) ([]string, error) {
	return send.Archive(ctx, allToSend(built), own)
}

// toSend returns the image with the functions that describe it.
func (r *Result) toSend() send.Image {
	return send.Image{
		Result: r.Result, Report: r.report,
		Annotations: func(ctx context.Context) (map[string]string, error) {
			return describe.Annotations(ctx, r.Result, r.report)
		},
		Documents: func(ctx context.Context, manifest digest.Digest) ([]registry.Attachment, error) {
			docs, err := describe.Documents(ctx, r.Result, r.report, manifest)
			var list []registry.Attachment
			for _, d := range docs {
				list = append(list, attachment(d))
			}
			return list, err
		},
		Provenance: func(ctx context.Context, subject digest.Digest) (registry.Attachment, error) {
			d, err := describe.Provenance(ctx, r.Result, r.report, subject)
			return attachment(d), err
		},
		WriteDocuments: func(ctx context.Context) error {
			_, err := r.WriteDocuments(ctx)
			return err
		},
	}
}

func attachment(d describe.Document) registry.Attachment {
	return registry.Attachment{ArtifactType: d.ArtifactType, MediaType: d.MediaType, Content: d.Content}
}

func allToSend(built []*Result) []send.Image {
	var images []send.Image
	for _, r := range built {
		images = append(images, r.toSend())
	}
	return images
}
