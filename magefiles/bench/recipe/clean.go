package recipe

import (
	"context"
	"errors"
	"strings"
)

// clean removes what has our prefix in its name, and what was made out of our
// golang image. Nothing is ever pruned.
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

// moduleCache is the volume where a Builder keeps modules, for all images that it
// compiles in.
const moduleCache = "fromscratch-gomodcache"

// removeCaches removes the volumes that a Builder has made for our golang image;
// that of the modules unless it was there before.
func (w *Workshop) removeCaches(ctx context.Context) error {
	var err error
	if !w.hadModules {
		// Who uses it by now will need it.
		if err = w.remove(ctx, "volume", "rm", moduleCache); err != nil && strings.Contains(err.Error(), "volume is in use") {
			err = nil
		}
	}
	id, inspect := w.docker(ctx, "image", "inspect", "--format", "{{.Id}}", w.goImage())
	if inspect != nil {
		return err // there is no such image, and never was
	}
	return errors.Join(err, w.remove(ctx, "volume", "rm", "fromscratch-gocache-"+strings.TrimPrefix(id, "sha256:")[:12]))
}

// removeStages removes the stages of builds that have no name, with all that they
// were made in.
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

// remove removes something, or finds that it is gone.
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
