package describe

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
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sbom"
)

// Document is a document about an image that is not part of it: a bill of materials, or the provenance.
type Document struct {
	Name         string // of its file: "sbom.spdx.json"
	MediaType    string // "application/spdx+json"
	ArtifactType string // by which it is found among the referrers of an image
	Content      []byte
}

// Documents returns the bills of materials of the image, as SPDX and as CycloneDX, and its provenance. They are about a manifest: a
// registry may have the image under another digest than its archive, as layers are compressed there. "" means that of the archive.
//
// It reads every file of the image once more. It does not change the image. The same image from the same commit has the same
// documents.
func Documents(ctx context.Context, r result.Result, notes report.Report, manifest digest.Digest) ([]Document, error) {
	docs, err := makeDocuments(ctx, r, notes, cmp.Or(manifest, r.Image.ManifestDigest))
	if err != nil {
		return nil, fmt.Errorf("describing image %q: %w", r.Plan.Reference, err)
	}
	return docs, nil
}

func makeDocuments(ctx context.Context, r result.Result, notes report.Report, manifest digest.Digest) ([]Document, error) {
	bill, warnings, err := billOf(ctx, r, manifest)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		notes.Note(r.Plan.Label(), "packages", w)
	}
	spdx, err := sbom.SPDX(bill)
	if err != nil {
		return nil, err
	}
	cyclonedx, err := sbom.CycloneDX(bill)
	if err != nil {
		return nil, err
	}
	statement, err := Provenance(ctx, r, notes, manifest)
	if err != nil {
		return nil, err
	}
	folder := r.Plan.Dist()
	return []Document{
		{filepath.Base(folder.SPDX()), sbom.SPDXMediaType, sbom.SPDXMediaType, spdx},
		{filepath.Base(folder.CycloneDX()), sbom.CycloneDXMediaType, sbom.CycloneDXMediaType, cyclonedx},
		statement,
	}, nil
}

// WriteDocuments writes the documents about the image to dist/NAME, each whole or not at all, and returns their paths. If it fails, it
// leaves none.
func WriteDocuments(ctx context.Context, r result.Result, notes report.Report) (paths []string, err error) {
	paths = r.Plan.Dist().Documents()
	done := notes.Step(r.Plan.Label(), "sbom", "describing what is in the image")
	docs, err := Documents(ctx, r, notes, "")
	for i := 0; i < len(docs) && err == nil; i++ {
		err = dist.Replace(paths[i], string(docs[i].Content))
		if err == nil {
			err = os.Chmod(paths[i], 0o644) // a temporary file is readable by its owner only
		}
	}
	done("wrote "+r.Plan.Show(paths[0])+", "+filepath.Base(paths[1])+" and "+filepath.Base(paths[2]), err)
	if err != nil {
		return nil, errors.Join(err, r.Plan.Dist().RemoveDocuments())
	}
	return paths, nil
}

// ownVersion returns the version of fromscratch that this command was compiled from; "" if that was a working tree.
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
