package registry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
)

// DefaultCacheSize bounds the cache of compressed layers, in bytes.
const DefaultCacheSize = 4 << 30

// maxPlaces bounds the number of ".in" files, and maxRepositories the repositories in each.
const maxPlaces, maxRepositories = 4096, 16

// staleTemp is the age at which a temporary file counts as left by a killed run.
const staleTemp = 24 * time.Hour

// evict removes the least recently used layers until the rest fits into size bytes. It also removes temporary files of
// killed runs.
func (c cache) evict(size int64) error {
	if size == 0 {
		size = DefaultCacheSize
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("tidying the cache of compressed layers: %w", err)
	}
	var blobs, places []os.FileInfo
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil: // another run has removed it
		case isTemp(info.Name()) && time.Since(info.ModTime()) > staleTemp:
			errs = append(errs, c.remove(info.Name()))
		case strings.HasSuffix(info.Name(), blobSuffix):
			blobs = append(blobs, info)
		case strings.HasSuffix(info.Name(), placeSuffix):
			places = append(places, info)
		}
	}
	newestFirst := func(a, b os.FileInfo) int { return b.ModTime().Compare(a.ModTime()) }
	slices.SortFunc(blobs, newestFirst)
	slices.SortFunc(places, newestFirst)
	for _, info := range blobs {
		if size -= info.Size(); size < 0 {
			errs = append(errs, c.remove(info.Name()), c.remove(strings.TrimSuffix(info.Name(), blobSuffix)+factSuffix))
		}
	}
	for _, info := range places[min(len(places), maxPlaces):] {
		errs = append(errs, c.remove(info.Name()))
	}
	return errors.Join(errs...)
}

// isTemp reports whether a name is that of a file that is being written.
func isTemp(name string) bool {
	return strings.HasPrefix(name, tempPrefix) || strings.HasPrefix(name, oldTempPrefix)
}

func (c cache) remove(name string) error {
	if err := os.Remove(filepath.Join(c.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("tidying the cache of compressed layers: %w", err)
	}
	return nil
}

// repositories returns the repositories that have a blob, the latest first.
func (c cache) repositories(d digest.Digest) []string {
	text, err := os.ReadFile(filepath.Join(c.dir, d.Encoded()+placeSuffix))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// note notes that a repository has a blob.
func (c cache) note(d digest.Digest, repository string) error {
	before := c.repositories(d)
	if len(before) > 0 && before[0] == repository {
		return nil
	}
	list := append([]string{repository}, slices.DeleteFunc(before, func(r string) bool { return r == repository })...)
	text := strings.Join(list[:min(len(list), maxRepositories)], "\n") + "\n"
	return fsx.Create(filepath.Join(c.dir, d.Encoded()+placeSuffix), fileMode, func(w *os.File) error { _, err := w.WriteString(text); return err })
}
