package describe

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/git"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/provenance"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sbom"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
)

// Provenance returns the statement of where the image comes from. It is about a manifest or an index.
func Provenance(ctx context.Context, r result.Result, notes report.Report, manifest digest.Digest) (Document, error) {
	commit, err := checkout(ctx, r.Plan, notes)
	if err != nil {
		return Document{}, err
	}
	info := r.Program.BuildInfo()
	build := provenance.Build{
		Reference: r.Plan.Reference, Manifest: manifest.Encoded(),
		External: parameters(r.Plan.Values), Internal: compilation(r.Plan, info),
		Builder: map[string]string{"fromscratch": ownVersion(), "go": r.Plan.Inside.GoVersion},
	}
	if source, ok := provenance.Source(commit); ok {
		build.From = append(build.From, source)
	}
	if r.Plan.Builder != nil {
		build.From = append(build.From, builderResource(r.Plan.Builder))
	}
	if base := r.Plan.Base; base != nil {
		from := provenance.Resource{Name: "base", Digest: map[string]string{"sha256": base.Digest.Encoded()}}
		if reference := r.Plan.BaseReference(); reference != "" {
			from.URI = sbom.OCIPURL(reference, base.Digest.String(), "")
		}
		build.From = append(build.From, from)
	}
	build.From = append(build.From, goResources(info)...)
	statement, err := build.Statement()
	return Document{filepath.Base(r.Plan.Dist().Provenance()), provenance.MediaType, provenance.MediaType, statement}, err
}

// checkout asks git about the module's folder. If git refuses, the commit is unknown, and a note says why.
func checkout(ctx context.Context, p plan.Image, notes report.Report) (git.Checkout, error) {
	c, err := git.Read(ctx, p.Root, p.Host.Env, state.MageFile)
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		notes.Note(p.Label(), "sbom", fmt.Sprintf("warning: the commit is not known: %s\nfix: let git work in %q", err, p.Root))
		return git.Checkout{}, nil
	}
	return c, nil
}

// parameters returns the values of a plan in the form for everybody.
func parameters(values []plan.Value) []provenance.Parameter {
	var list []provenance.Parameter
	for _, v := range values {
		if !v.Public.Hidden {
			list = append(list, provenance.Parameter{Name: v.Name, Value: v.Public.Value, Origin: v.Public.Origin})
		}
	}
	return list
}

// builderResource returns the image of the builder, by the digest that registries know it by, or else by the engine's ID.
func builderResource(b *builder.Builder) provenance.Resource {
	r := provenance.Resource{Name: "builder", Digest: map[string]string{"sha256": b.ID()}}
	if d, ok := b.Digest(); ok {
		r.URI, r.Digest["sha256"] = sbom.OCIPURL(b.Ref, d, ""), strings.TrimPrefix(d, "sha256:")
	}
	return r
}

// compilation returns how the go command was called, and what it has written into the program.
func compilation(p plan.Image, info *debug.BuildInfo) map[string]string {
	values := map[string]string{}
	if p.Binary == "" {
		values["command"] = "go build " + plan.Flags(p.Compile)
	}
	if info != nil {
		for _, s := range info.Settings {
			values["setting:"+s.Key] = s.Value
		}
	}
	return values
}

// goResources returns the toolchain and the modules that a program was compiled from. It leaves out modules of the working tree and of
// folders beside it.
func goResources(info *debug.BuildInfo) []provenance.Resource {
	if info == nil {
		return nil
	}
	list := []provenance.Resource{{Name: "go", URI: "https://go.dev/dl/#" + info.GoVersion, Annotations: map[string]any{"version": info.GoVersion}}}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Replace != nil {
			m = m.Replace
		}
		if !gobuild.Versioned(m) {
			continue
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
