package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/provenance"
	"github.com/fromscratch-go/fromscratch/buildkit/registry"
)

// PushOptions say how images are pushed.
type PushOptions struct {
	// Getenv looks up where logins are found (HOME, DOCKER_CONFIG and others), IMAGE_REGISTRY_CA, a PEM file of
	// authorities that count besides the system's, and IMAGE_REGISTRY_HTTP, the registries that speak no TLS
	// ("registry.example:5000", several with commas). nil finds nothing.
	Getenv func(string) string
	// Cache is a folder for compressed layers, of all modules and runs. It is made.
	Cache string
}

// Check tells what is wrong in the options before anything is built: a [*ConfigError].
func (o PushOptions) Check() error {
	if o.Getenv == nil || o.Getenv("IMAGE_REGISTRY_CA") == "" {
		return nil
	}
	if _, err := registry.Authorities(o.Getenv("IMAGE_REGISTRY_CA")); err != nil {
		return &ConfigError{Err: err}
	}
	return nil
}

// Pushed is an image in a registry.
type Pushed struct {
	Name      string // of the image
	Reference string // repository:tag@digest
}

// Pushable tells whether images can be pushed under their references. A name on Docker Hub without a user there, like
// the default, is nobody's who builds images: that is a [*ConfigError].
func Pushable(plans []Plan) error {
	for _, p := range plans {
		if deliver.Official(p.Reference) {
			return &ConfigError{Err: fmt.Errorf("the image %q (%s) has no registry to be pushed to: its reference is %s\nfix: set Repo in the Config, or IMAGE_REPO, to a repository like %q",
				p.Name, p.Origin, p.Reference, "registry.example/acme/"+p.Repository)}
		}
	}
	return nil
}

// PushAll pushes images to their registries, each with all its tags. Several Built of one name are the platforms of one
// image, an index. What the registry has is not sent. It fails with a [*RegistryError] when a registry cannot be
// reached or refuses.
func PushAll(ctx context.Context, built []*Built, o PushOptions) ([]Pushed, error) {
	var all []Pushed
	for _, group := range named(built) {
		if err := Pushable([]Plan{group[0].Plan}); err != nil {
			return nil, err
		}
		pushed, err := group.push(ctx, o)
		if err != nil {
			return nil, err
		}
		all = append(all, pushed)
	}
	return all, nil
}

// platforms are images of one name.
type platforms []*Built

// named puts those of one name together, in the order in which the names come first.
func named(built []*Built) []platforms {
	var groups []platforms
	for _, b := range built {
		i := slices.IndexFunc(groups, func(g platforms) bool { return g[0].Plan.Name == b.Plan.Name })
		if i < 0 {
			groups, i = append(groups, nil), len(groups)
		}
		groups[i] = append(groups[i], b)
	}
	return groups
}

func (g platforms) images() []*image.Image {
	var images []*image.Image
	for _, b := range g {
		images = append(images, b.Image)
	}
	return images
}

// push pushes one name.
func (g platforms) push(ctx context.Context, o PushOptions) (Pushed, error) {
	b := g[0]
	ref := b.Plan.Reference
	done := b.report.Step(b.Plan.Name, "push", "pushing "+ref)
	r, err := g.pushRequest(ctx, o)
	var pushed registry.Pushed
	if err == nil {
		pushed, err = registry.Push(ctx, r)
	}
	came := fmt.Sprintf("pushed %s, sent %s", strings.Join(b.Plan.References(), ", "), Size(pushed.Sent))
	if pushed.Sent == 0 {
		came = strings.Join(b.Plan.References(), ", ") + " is there, nothing was sent"
	}
	done(came, err)
	if err != nil {
		return Pushed{}, fmt.Errorf("delivering image %q: %w", ref, g.failed(err))
	}
	return Pushed{b.Plan.Name, pushed.Reference}, nil
}

func (g platforms) pushRequest(ctx context.Context, o PushOptions) (registry.PushRequest, error) {
	p := g[0].Plan
	r := registry.PushRequest{
		Images: g.images(), Repository: p.Repository, Tags: p.Tags(), Compression: p.Compression, Cache: o.Cache,
		Credentials: registry.Credentials{Getenv: o.Getenv}, Progress: g[0].underway(),
	}
	if o.Getenv != nil {
		r.CAFile = o.Getenv("IMAGE_REGISTRY_CA")
		r.PlainHTTP = slices.Contains(split(o.Getenv("IMAGE_REGISTRY_HTTP")), deliver.Registry(p.Reference))
	}
	if p.Supply.Bare {
		return r, nil
	}
	r.Describe, r.DescribeIndex = g.attachments, g.indexAttachments
	var err error
	r.Images, err = g.annotated(ctx)
	return r, err
}

// attachments are the documents about one of the images, as it is in the registry.
func (g platforms) attachments(ctx context.Context, img *image.Image) ([]registry.Attachment, error) {
	i := slices.IndexFunc(g, func(b *Built) bool { return b.Image.ConfigDigest == img.ConfigDigest })
	docs, err := g[i].Documents(ctx, img.ManifestDigest)
	var list []registry.Attachment
	for _, d := range docs {
		list = append(list, registry.Attachment{ArtifactType: d.ArtifactType, MediaType: d.MediaType, Content: d.Content})
	}
	return list, err
}

// platformAnnotation says on a document about an index which of its images it tells of.
const platformAnnotation = "io.github.fromscratch-go.platform"

// indexAttachments are the documents about the index of all platforms: where each of its
// images comes from. What is in them is with each image.
func (g platforms) indexAttachments(ctx context.Context, index digest.Digest) ([]registry.Attachment, error) {
	var list []registry.Attachment
	for _, b := range g {
		statement, err := b.provenance(ctx, index)
		if err != nil {
			return nil, fmt.Errorf("describing image %q: %w", b.Plan.Reference, err)
		}
		list = append(list, registry.Attachment{
			ArtifactType: provenance.MediaType, MediaType: provenance.MediaType, Content: statement,
			Annotations: map[string]string{platformAnnotation: b.Image.Config().Platform.String()},
		})
	}
	return list, nil
}

// failed says whose fault a push is.
func (g platforms) failed(err error) error {
	var r *registry.Error
	if errors.As(err, &r) && !r.Local {
		return &RegistryError{Err: err}
	}
	return errors.Join(err, g.doubt())
}

// doubt forgets what is known of the layers: it may be why an image could not be delivered.
func (g platforms) doubt() error {
	var errs []error
	for _, b := range g {
		errs = append(errs, fsx.Remove(b.Plan.Dist().Layers()))
	}
	return errors.Join(errs...)
}

// progressEvery is how often the bytes that were sent are told.
const progressEvery = 200 * time.Millisecond

// underway tells how far a push is.
func (b *Built) underway() func(registry.Progress) {
	last := time.Now()
	return func(p registry.Progress) {
		if time.Since(last) < progressEvery || p.Total == 0 {
			return
		}
		last = time.Now()
		b.report.Underway(b.Plan.Name, "push", fmt.Sprintf("pushing %s, %s of %s", b.Plan.Reference, Size(p.Sent), Size(p.Total)))
	}
}

// WriteRefs writes the references of images, one a line, into a file, whole or not at all.
func WriteRefs(path string, pushed []Pushed) error {
	var lines strings.Builder
	for _, p := range pushed {
		fmt.Fprintln(&lines, p.Reference)
	}
	err := fsx.WriteFile(path, lines.String())
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return &ConfigError{Err: fmt.Errorf("writing the references to %q: %w\nfix: set IMAGE_REFS to a file in a folder that can be written", path, err)}
	case err != nil:
		return fmt.Errorf("writing the references to %q: %w", path, err)
	}
	return nil
}
