// Package expand evaluates the templates in the texts of a Config: {{.Git.Tag}}, {{.Env.NAME}}, {{.Name}}, {{.Platform}}.
package expand

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"text/template"
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
		out, err := v.text(ctx, field, text)
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
		for key, text := range *m.values {
			(*m.values)[key] = one(m.field+"["+key+"]", text)
		}
	}
	return c, failed
}

// text evaluates one template.
func (v Values) text(ctx context.Context, field, text string) (string, error) {
	t, err := template.New(field).Funcs(template.FuncMap{"slug": slug}).Parse(text)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", plain(err), fix)
	}
	e := &evaluation{}
	data := map[string]any{"Git": questions{ctx, v.Git, e}, "Env": e.environ(v.Environ, t.Tree), "Name": v.Name, "Platform": v.Platform}
	if v.Several && field == "Tags" {
		data["Platform"] = e.absent(&git.NotThereError{What: "the image has several platforms, and this is about all of them", Fix: "name one platform, or leave {{.Platform}} out"})
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		var asked *questionError
		if errors.As(err, &asked) {
			return "", asked.err
		}
		return "", fmt.Errorf("%w\n%s", plain(err), fix)
	}
	if err := e.printed(out.String()); err != nil {
		return "", err
	}
	if strings.Contains(out.String(), "<no value>") {
		return "", fmt.Errorf("it asks for a value that is not known\n%s", fix)
	}
	return out.String(), nil
}

const fix = "fix: use .Git.Tag, .Git.Commit, .Git.ShortCommit, .Git.Branch, .Git.Dirty, .Git.Time, .Git.Describe, .Env.NAME, .Name or .Platform in the syntax of Go's text/template"

// evaluation is one run of a template. A value that is missing is an error only if it is printed, so that
// {{or .Git.Tag "dev"}} can do without.
type evaluation struct{ reasons []error }

// none is the value for what is missing: a list without elements is false in a condition. The index of the reason lies behind
// its end.
type none []int

// mark begins what is printed for a missing value. A Config cannot have it.
const mark = "\x00missing "

func (n none) String() string { return mark + strconv.Itoa(n[:1][0]) + "\x00" }

// absent returns a value for what is missing, and why.
func (e *evaluation) absent(why error) none {
	e.reasons = append(e.reasons, why)
	return none{len(e.reasons) - 1}[:0]
}

// printed returns the reason of the first missing value in a text; nil without one.
func (e *evaluation) printed(text string) error {
	_, after, found := strings.Cut(text, mark)
	if !found {
		return nil
	}
	number, _, _ := strings.Cut(after, "\x00")
	if i, err := strconv.Atoi(number); err == nil && i < len(e.reasons) {
		return e.reasons[i]
	}
	return errors.New("a value is missing\n" + fix)
}

// environ returns the variables. Those that a template names and that are not set, or are empty, are missing.
func (e *evaluation) environ(environ []string, tree *parse.Tree) map[string]any {
	all := map[string]any{}
	for _, v := range environ {
		if name, value, _ := strings.Cut(v, "="); value != "" {
			all[name] = value
		} else {
			delete(all, name)
		}
	}
	for _, m := range variable.FindAllStringSubmatch(tree.Root.String(), -1) {
		if _, ok := all[m[1]]; !ok {
			all[m[1]] = e.absent(&git.NotThereError{What: fmt.Sprintf("the variable %s is not set", m[1]), Fix: fmt.Sprintf("set it, or write {{or .Env.%s \"…\"}}", m[1])})
		}
	}
	return all
}

var variable = regexp.MustCompile(`\.Env\.(\w+)`)

// questions are the questions to git, as methods for templates.
type questions struct {
	ctx context.Context
	git *git.Repository
	e   *evaluation
}

// questionError is an error of git, which text/template wraps.
type questionError struct{ err error }

func (e *questionError) Error() string { return e.err.Error() }

func (q questions) answer(text string, err error) (any, error) {
	var notThere *git.NotThereError
	switch {
	case errors.As(err, &notThere):
		return q.e.absent(err), nil
	case err != nil:
		return nil, &questionError{err}
	}
	return text, nil
}

func (q questions) Tag() (any, error)         { return q.answer(q.git.Tag(q.ctx)) }
func (q questions) Commit() (any, error)      { return q.answer(q.git.Commit(q.ctx)) }
func (q questions) ShortCommit() (any, error) { return q.answer(q.git.ShortCommit(q.ctx)) }
func (q questions) Branch() (any, error)      { return q.answer(q.git.Branch(q.ctx)) }
func (q questions) Time() (any, error)        { return q.answer(q.git.Time(q.ctx)) }
func (q questions) Describe() (any, error)    { return q.answer(q.git.Describe(q.ctx)) }

func (q questions) Dirty() (any, error) {
	dirty, err := q.git.Dirty(q.ctx)
	if err != nil {
		return q.answer("", err)
	}
	return dirty, nil
}

// slug returns a text with "-" for what the tag of an image cannot have
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
func slug(text any) any {
	if _, missing := text.(none); missing {
		return text
	}
	s := strings.Trim(notInTag.ReplaceAllString(fmt.Sprint(text), "-"), "-.")
	return s[:min(len(s), 128)]
}

var notInTag = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// plain returns the error of a template without its name and place, which say nothing in a text of one line.
func plain(err error) error {
	text := err.Error()
	if m := place.FindStringIndex(text); m != nil {
		text = text[m[1]:]
	}
	return errors.New(text)
}

var place = regexp.MustCompile(`^template: .*?:\d+(:\d+)?: (executing ".*?" at )?`)
