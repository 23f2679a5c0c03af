package recipe

import (
	"context"
	"errors"
	"strings"
)

// clean removes everything named with the prefix, and everything made from the workshop's golang image. It never prunes.
func (w *Workshop) clean(ctx context.Context) error {
	mine := "label=" + label + "=" + w.Prefix
	containers, err := w.list(ctx, "ps", "-aq", "--filter", mine)
	named, err2 := w.list(ctx, "ps", "-aq", "--filter", "name=^/"+w.Prefix)
	images, err3 := w.list(ctx, "images", "--format", "{{.Repository}}:{{.Tag}}")
	err = errors.Join(err, err2, err3)
	for _, id := range append(containers, named...) {
		err = errors.Join(err, w.remove(ctx, "rm", "-fv", id))
	}
	for _, ref := range images {
		if strings.HasPrefix(ref, w.Prefix) && !w.isGoImage(ref) {
			err = errors.Join(err, w.remove(ctx, "image", "rm", "-f", ref))
		}
	}
	err = errors.Join(err, w.removeStages(ctx), w.removeCaches(ctx))
	return errors.Join(err, w.remove(ctx, "image", "rm", "-f", w.goImage()))
}

// removeCaches removes the volumes that a Builder has made for the workshop's golang image.
func (w *Workshop) removeCaches(ctx context.Context) error {
	id, inspect := w.docker(ctx, "image", "inspect", "--format", "{{.Id}}", w.goImage())
	if inspect != nil {
		return nil // there is no such image, so it has no volumes
	}
	id = strings.TrimPrefix(strings.TrimSpace(id), "sha256:")
	return errors.Join(w.remove(ctx, "volume", "rm", "fromscratch-gocache-"+id), w.remove(ctx, "volume", "rm", "fromscratch-gomodcache-"+id))
}

// removeStages removes unnamed build stages, and the containers that they were made in.
func (w *Workshop) removeStages(ctx context.Context) error {
	for {
		ids, err := w.list(ctx, "images", "-q", "--filter", "dangling=true", "--filter", "label="+label+"="+w.Prefix)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := w.remove(ctx, "image", "rm", id); err != nil {
				return err
			}
		}
	}
}

func (w *Workshop) list(ctx context.Context, args ...string) ([]string, error) {
	out, err := w.docker(ctx, args...)
	return strings.Fields(out), err
}

// remove removes something. If it is already gone, that is no error.
func (w *Workshop) remove(ctx context.Context, args ...string) error {
	_, err := w.docker(ctx, args...)
	if err == nil {
		return nil
	}
	said := strings.ToLower(err.Error())
	if strings.Contains(said, "no such") || strings.Contains(said, "already in progress") {
		return nil
	}
	return err
}
