package buildkit

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/provenance"
	"github.com/fromscratch-go/fromscratch/buildkit/sbom"
)

// provenance is the statement of where the image comes from.
func (b *Built) provenance(ctx context.Context, manifest digest.Digest) ([]byte, error) {
	checkout, err := b.checkout(ctx)
	if err != nil {
		return nil, err
	}
	build := provenance.Build{
		Reference: b.Plan.Reference, Manifest: manifest.Encoded(),
		External: parameters(b.Plan), Internal: b.internal(),
		Builder: map[string]string{"fromscratch": ownVersion(), "go": b.Plan.Inside.GoVersion},
	}
	if source, ok := checkout.Source(); ok {
		build.From = append(build.From, source)
	}
	if builder := b.Plan.Builder; builder != nil {
		build.From = append(build.From, builderResource(builder))
	}
	if base := b.Plan.Base; base != nil {
		r := provenance.Resource{Name: "base", Digest: map[string]string{"sha256": base.Digest.Encoded()}}
		if reference := b.Plan.BaseReference(); reference != "" {
			r.URI = sbom.OCIPURL(reference, base.Digest.String(), "")
		}
		build.From = append(build.From, r)
	}
	build.From = append(build.From, goResources(b.buildInfo())...)
	return build.Statement()
}

// checkout asks git about the module's folder. What git refuses to tell is not known,
// and a person hears why.
func (b *Built) checkout(ctx context.Context) (provenance.Checkout, error) {
	c, err := provenance.Read(ctx, b.Plan.Root, b.Plan.Host.Env, mageFile)
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		b.Note("sbom", fmt.Sprintf("warning: the commit is not known: %s\nfix: let git work in %q", err, b.Plan.Root))
		return provenance.Checkout{}, nil
	}
	return c, nil
}

// parameters are the values of the plan as everybody may know them.
func parameters(p Plan) []provenance.Parameter {
	var list []provenance.Parameter
	for _, v := range p.Values {
		if !v.Public.Hidden {
			list = append(list, provenance.Parameter{Name: v.Name, Value: v.Public.Value, Origin: v.Public.Origin})
		}
	}
	return list
}

// builderResource is the image of the builder, by the digest that registries know it by, else by the engine's ID.
func builderResource(b *builder.Builder) provenance.Resource {
	r := provenance.Resource{Name: "builder", Digest: map[string]string{"sha256": b.ID()}}
	if d, ok := b.Digest(); ok {
		r.URI, r.Digest["sha256"] = sbom.OCIPURL(b.Ref, d, ""), strings.TrimPrefix(d, "sha256:")
	}
	return r
}

// internal is how the go command was called, and what it says about the program.
func (b *Built) internal() map[string]string {
	values := map[string]string{}
	if b.Plan.Binary == "" {
		values["command"] = "go build " + plan.Flags(b.Plan.Compile)
	}
	if info := b.buildInfo(); info != nil {
		for _, s := range info.Settings {
			values["setting:"+s.Key] = s.Value
		}
	}
	return values
}

// goResources are the toolchain and the modules that a program was compiled from.
func goResources(info *debug.BuildInfo) []provenance.Resource {
	if info == nil {
		return nil
	}
	list := []provenance.Resource{{Name: "go", URI: "https://go.dev/dl/#" + info.GoVersion, Annotations: map[string]any{"version": info.GoVersion}}}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Replace != nil {
			m = m.Replace
		}
		if !versioned(m) {
			continue // of the working tree, or of a folder beside it
		}
		r := provenance.Resource{Name: m.Path, URI: sbom.GoPURL(m.Path, m.Version)}
		// https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md#supported-algorithms
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == 32 {
			r.Digest = map[string]string{"dirHash": hex.EncodeToString(sum)}
		}
		list = append(list, r)
	}
	return list
}
