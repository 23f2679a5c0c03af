// Package expand evaluates the templates in the texts of a Config: {{.Git.Tag}}, {{.Env.NAME}}, {{.Name}}, {{.Platform}}.
//
// The parser is that of text/template. Allowed are fields, texts, if and else, and a few functions, with the meaning that they have there.
// Package text/template itself is not used, because it calls methods by their names: the linker then keeps every exported method
// of the program, 3 MB of the worker.
package expand

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/git"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Values is what templates can ask for.
type Values struct {
	Git      *git.Repository
	Environ  []string // as from os.Environ
	Name     string   // of the image
	Platform string   // "linux/amd64"
	Several  bool     // the image has several platforms, and its Tags are those of all
}

// Has reports whether a text of the Config is a template, so that what git and the environment say is an input of the image.
func Has(c config.Config) bool {
	found := false
	_, _ = texts(c, func(_, text string) (string, error) {
		found = found || strings.Contains(text, "{{")
		return text, nil
	})
	return found
}

// Config returns a Config with its templates evaluated. A mistake in one is a [*report.ConfigError], which names the field.
func Config(ctx context.Context, c config.Config, v Values) (config.Config, error) {
	return texts(c, func(field, text string) (string, error) {
		if !strings.Contains(text, "{{") {
			return text, nil
		}
		out, err := v.text(ctx, field, text, c.Build.Secrets)
		if err != nil && ctx.Err() == nil {
			err = &report.ConfigError{Err: fmt.Errorf("evaluating %s %q (%s): %w", field, text, c.Origin, err)}
		}
		return out, err
	})
}

// texts returns a Config in which each text that may be a template is replaced by what evaluate returns for it.
func texts(c config.Config, evaluate func(field, text string) (string, error)) (config.Config, error) {
	var failed error
	one := func(field, text string) string {
		if failed != nil {
			return text
		}
		out, err := evaluate(field, text)
		failed = err
		return out
	}
	tags := make(config.Tags, 0, len(c.Tags))
	for _, tag := range c.Tags {
		tags = append(tags, config.Tag(one("Tags", string(tag))))
	}
	c.Tags = tags
	c.Created = one("Created", c.Created)
	c.Build.LDFlags = one("Build.LDFlags", c.Build.LDFlags)
	for _, m := range []struct {
		field  string
		values *map[string]string
	}{{"Labels", &c.Labels}, {"Env", &c.Env}} {
		*m.values = maps.Clone(*m.values)
		for _, key := range slices.Sorted(maps.Keys(*m.values)) {
			(*m.values)[key] = one(m.field+"["+key+"]", (*m.values)[key])
		}
	}
	return c, failed
}

// text evaluates one template.
func (v Values) text(ctx context.Context, field, text string, secret []string) (string, error) {
	trees, err := parse.Parse(field, text, "", "", functions)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", plain(err), fix)
	}
	e := &evaluation{ctx: ctx, values: v, field: field, secret: secret}
	var out strings.Builder
	tree := trees[field]
	if tree == nil {
		return "", nil // nothing but comments
	}
	if err := e.list(&out, tree.Root); err != nil {
		return "", err
	}
	return out.String(), nil
}

const fix = "fix: use .Git.Tag, .Git.Commit, .Git.ShortCommit, .Git.Branch, .Git.Dirty, .Git.Time, .Git.Describe, .Env.NAME, .Name or .Platform in the syntax of Go's text/template, with if, else, and, or, not, eq, ne, slug and trimPrefix"

// plain returns the error of the parser without its name and place, which say nothing in a text of one line.
func plain(err error) error { return errors.New(place.ReplaceAllString(err.Error(), "")) }

var place = regexp.MustCompile(`^template: .*?:\d+(:\d+)?: `)
