package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/provenance"
	"github.com/fromscratch-go/fromscratch/buildkit/sbom"
)

// Document is a document about an image that is no part of it: a bill of materials,
// or where it comes from.
type Document struct {
	Name         string // of its file: "sbom.spdx.json"
	MediaType    string // "application/spdx+json"
	ArtifactType string // by which it is found among the referrers of an image
	Content      []byte
}

// Documents returns the bills of materials of the image, as SPDX and as CycloneDX, and
// its provenance. They are about the manifest of the digest given: a registry may have
// the image under another one than its archive, as layers are compressed there. "" is
// that of the archive.
//
// Every file of the image is read once more for them. The image is not changed, and
// the same image from the same commit has the same documents.
func (b *Built) Documents(ctx context.Context, manifest digest.Digest) ([]Document, error) {
	docs, err := b.writeDocuments(ctx, cmp.Or(manifest, b.Image.ManifestDigest))
	if err != nil {
		return nil, fmt.Errorf("describing image %q: %w", b.Plan.Reference, err)
	}
	return docs, nil
}

func (b *Built) writeDocuments(ctx context.Context, manifest digest.Digest) ([]Document, error) {
	subject, err := b.subject(ctx, manifest)
	if err != nil {
		return nil, err
	}
	spdx, err := sbom.SPDX(subject)
	if err != nil {
		return nil, err
	}
	cyclonedx, err := sbom.CycloneDX(subject)
	if err != nil {
		return nil, err
	}
	statement, err := b.provenance(ctx, manifest)
	if err != nil {
		return nil, err
	}
	folder := b.Plan.Dist()
	return []Document{
		{filepath.Base(folder.SPDX()), sbom.SPDXMediaType, sbom.SPDXMediaType, spdx},
		{filepath.Base(folder.CycloneDX()), sbom.CycloneDXMediaType, sbom.CycloneDXMediaType, cyclonedx},
		{filepath.Base(folder.Provenance()), provenance.MediaType, provenance.MediaType, statement},
	}, nil
}

// WriteDocuments writes the documents about the image to dist/NAME, each whole or not
// at all, and returns their paths. When it fails, none is left.
func (b *Built) WriteDocuments(ctx context.Context) (paths []string, err error) {
	paths = b.Plan.Dist().Documents()
	done := b.report.Step(b.Plan.Label(), "sbom", "describing what is in the image")
	docs, err := b.Documents(ctx, "")
	for i := 0; i < len(docs) && err == nil; i++ {
		err = dist.Replace(paths[i], string(docs[i].Content))
		if err == nil {
			err = os.Chmod(paths[i], 0o644) // a temporary file is its owner's alone
		}
	}
	done("wrote "+b.Plan.Show(paths[0])+", "+filepath.Base(paths[1])+" and "+filepath.Base(paths[2]), err)
	if err != nil {
		return nil, errors.Join(err, b.Plan.Dist().RemoveDocuments())
	}
	return paths, nil
}

// removeStaleDocuments removes the documents of an earlier build, unless they are of
// this image: the provenance names it.
func (b *Built) removeStaleDocuments() error {
	statement, err := os.ReadFile(b.Plan.Dist().Provenance())
	if err == nil && strings.Contains(string(statement), b.Image.ManifestDigest.Encoded()) {
		return nil
	}
	if err := b.Plan.Dist().RemoveDocuments(); err != nil {
		return fmt.Errorf("removing the documents of an earlier build: %w", err)
	}
	return nil
}

// ownVersion is the version of fromscratch that this command was compiled from; "" for
// one that was compiled in a working tree.
func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != "github.com/fromscratch-go/fromscratch" {
			continue
		}
		if m.Replace != nil || m.Version == "(devel)" || strings.Contains(m.Version, "+dirty") {
			return ""
		}
		return m.Version
	}
	return ""
}
