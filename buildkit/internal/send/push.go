package send

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// PushOptions say how images are pushed.
type PushOptions struct {
	// Getenv looks up variables; nil finds none. HOME, DOCKER_CONFIG and others lead to logins. IMAGE_REGISTRY_CA is a PEM file of
	// certificate authorities that are trusted besides the system's. IMAGE_REGISTRY_HTTP has the registries without TLS, separated by
	// commas: "registry.example:5000".
	Getenv func(string) string
	// Cache is a folder of compressed layers, for all modules and runs. It is created if missing.
	Cache string
}

// Check fails with a [*report.ConfigError] if the options are wrong. It is for use before anything is built.
func (o PushOptions) Check() error {
	if o.Getenv == nil || o.Getenv("IMAGE_REGISTRY_CA") == "" {
		return nil
	}
	if _, err := registry.Authorities(o.Getenv("IMAGE_REGISTRY_CA")); err != nil {
		return &report.ConfigError{Err: err}
	}
	return nil
}

// Pushed is an image in a registry.
type Pushed struct {
	Name      string // of the image
	Reference string // repository:tag@digest
}

// Pushable fails with a [*report.ConfigError] if an image cannot be pushed under its reference: a name on Docker Hub without a user,
// like the default, belongs to nobody who builds images.
func Pushable(plans []plan.Image) error {
	for _, p := range plans {
		if deliver.Official(p.Reference) {
			return &report.ConfigError{Err: fmt.Errorf("the image %q (%s) has no registry to be pushed to: its reference is %s\nfix: set Repo in the Config, or IMAGE_REPO, to a repository like %q",
				p.Name, p.Origin, p.Reference, "registry.example/acme/"+p.Repository)}
		}
	}
	return nil
}

// Push pushes images to their registries, each with all its tags. Several images of one name become an index. What the registry has
// is not sent. It fails with a [*report.RegistryError] if a registry cannot be reached or refuses.
func Push(ctx context.Context, images []Image, o PushOptions) ([]Pushed, error) {
	return eachName(images, func(g platforms) (Pushed, error) {
		if err := Pushable([]plan.Image{g[0].Plan}); err != nil {
			return Pushed{}, err
		}
		return g.push(ctx, o)
	})
}

// push pushes one name.
func (g platforms) push(ctx context.Context, o PushOptions) (Pushed, error) {
	first := g[0]
	ref := first.Plan.Reference
	done := first.Report.Step(first.Plan.Name, "push", "pushing "+ref)
	r, err := g.pushRequest(ctx, o)
	var pushed registry.Pushed
	if err == nil {
		pushed, err = registry.Push(ctx, r)
	}
	outcome := fmt.Sprintf("pushed %s, sent %s", strings.Join(first.Plan.References(), ", "), report.Size(pushed.Sent))
	if pushed.Sent == 0 {
		outcome = strings.Join(first.Plan.References(), ", ") + " is there, nothing was sent"
	}
	done(outcome, err)
	if err != nil {
		return Pushed{}, fmt.Errorf("delivering image %q: %w", ref, g.failed(err))
	}
	return Pushed{first.Plan.Name, pushed.Reference}, nil
}

// connection returns a request with everything about the registry.
func (g platforms) connection(o PushOptions) registry.PushRequest {
	p := g[0].Plan
	r := registry.PushRequest{
		Repository: p.Repository, Tags: p.Tags(), Compression: p.Compression, Cache: o.Cache, Credentials: registry.Credentials{Getenv: o.Getenv},
	}
	if o.Getenv != nil {
		r.CAFile = o.Getenv("IMAGE_REGISTRY_CA")
		r.PlainHTTP = slices.Contains(plan.Fields(o.Getenv("IMAGE_REGISTRY_HTTP")), deliver.Registry(p.Reference))
	}
	return r
}

func (g platforms) pushRequest(ctx context.Context, o PushOptions) (registry.PushRequest, error) {
	r := g.connection(o)
	r.Images, r.Progress = g.images(), underway(g[0])
	if g[0].Plan.Supply.Attestations {
		r.Describe, r.DescribeIndex = g.attachments, g.indexAttachments
	}
	var err error
	r.Images, err = g.annotated(ctx)
	return r, err
}

// attachments returns the documents about one of the images as it is in the registry.
func (g platforms) attachments(ctx context.Context, img *image.Image) ([]registry.Attachment, error) {
	i := slices.IndexFunc(g, func(own Image) bool { return own.Image.ConfigDigest == img.ConfigDigest })
	return g[i].Documents(ctx, img.ManifestDigest)
}

// platformAnnotation says, on a document about an index, which of its images the document is about.
const platformAnnotation = "io.github.fromscratch-go.platform"

// indexAttachments returns the documents about the index of all platforms: the provenance of each image. The bills of materials are
// attached to the images themselves.
func (g platforms) indexAttachments(ctx context.Context, index digest.Digest) ([]registry.Attachment, error) {
	var list []registry.Attachment
	for _, img := range g {
		a, err := img.Provenance(ctx, index)
		if err != nil {
			return nil, fmt.Errorf("describing image %q: %w", img.Plan.Reference, err)
		}
		a.Annotations = map[string]string{platformAnnotation: img.Image.Config().Platform.String()}
		list = append(list, a)
	}
	return list, nil
}

// failed classifies the error of a push.
func (g platforms) failed(err error) error {
	var r *registry.Error
	if errors.As(err, &r) && !r.Local {
		return &report.RegistryError{Err: err}
	}
	return errors.Join(err, g.forgetLayers())
}

// progressEvery is the time between two reports of the bytes that were sent.
const progressEvery = 200 * time.Millisecond

// underway reports how far a push is.
func underway(img Image) func(registry.Progress) {
	last := time.Now()
	return func(p registry.Progress) {
		if time.Since(last) < progressEvery || p.Total == 0 {
			return
		}
		last = time.Now()
		img.Report.Underway(img.Plan.Name, "push", fmt.Sprintf("pushing %s, %s of %s", img.Plan.Reference, report.Size(p.Sent), report.Size(p.Total)))
	}
}

// WriteRefs writes the references of images, one on a line, to a file, whole or not at all.
func WriteRefs(path string, pushed []Pushed) error {
	var lines strings.Builder
	for _, p := range pushed {
		fmt.Fprintln(&lines, p.Reference)
	}
	err := fsx.WriteFile(path, lines.String())
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return &report.ConfigError{Err: fmt.Errorf("writing the references to %q: %w\nfix: set IMAGE_REFS to a file in a folder that can be written", path, err)}
	case err != nil:
		return fmt.Errorf("writing the references to %q: %w", path, err)
	}
	return nil
}
