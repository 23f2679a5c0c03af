package base

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// dockerEntry is an image in the manifest.json that "docker save" writes.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// chooseDocker finds an image in an archive of docker before 25, podman or skopeo.
func chooseDocker(s store, tag string) (candidate, error) {
	text, err := small(s, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return candidate{}, errors.New("there is neither an index.json nor a manifest.json in it\nfix: write it by \"docker save\", \"podman save\" or skopeo")
	}
	if err != nil {
		return candidate{}, err
	}
	var list []dockerEntry
	if err := json.Unmarshal(text, &list); err != nil {
		return candidate{}, fmt.Errorf("reading manifest.json: %w", err)
	}
	var names []string
	var found []dockerEntry
	for _, e := range list {
		names = append(names, e.RepoTags...)
		if tag == "" || slices.ContainsFunc(e.RepoTags, func(t string) bool { return t == tag || strings.HasSuffix(t, ":"+tag) || strings.HasSuffix(t, "/"+tag) }) {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		return candidate{}, plaintext.Errorf("it has %d images of that name, of %s\nfix: add the tag of one after a colon", len(found), listed(names))
	}
	return dockerImage(s, found[0])
}

func dockerImage(s store, e dockerEntry) (candidate, error) {
	config, err := small(s, e.Config)
	if err != nil {
		return candidate{}, fmt.Errorf("reading the configuration: %w", err)
	}
	// Archives name it by its digest, older ones with ".json" after it.
	if hex, ok := strings.CutSuffix(e.Config, ".json"); ok && digest.NewDigestFromEncoded(digest.SHA256, hex).Validate() == nil &&
		digest.FromBytes(config).Encoded() != hex {
		return candidate{}, broken("the configuration is not %s", hex)
	}
	c := candidate{record: record{Config: config}}
	for _, name := range e.Layers {
		body, size, err := s.open(name)
		if err == nil {
			err = body.Close()
		}
		if err != nil {
			return candidate{}, fmt.Errorf("reading the layers: %w", err)
		}
		c.blobs = append(c.blobs, image.Blob{Size: size, Open: func(context.Context) (io.ReadCloser, error) {
			body, _, err := s.open(name)
			return body, err
		}})
	}
	return c, nil
}
