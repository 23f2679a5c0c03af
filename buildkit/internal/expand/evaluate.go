package expand

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template/parse"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/git"
)

// evaluation is one run of a template.
type evaluation struct {
	ctx    context.Context
	values Values
	field  string   // of the Config
	secret []string // entries of Build.Secrets
}

// value is a text or, of .Git.Dirty and of functions, true or false. If it is missing, that is an error only when it is
// printed: {{or .Git.Tag "dev"}} can do without.
type value struct {
	text    string // "true" or "false"
	isBool  bool
	from    string // the name, if git or the environment has decided the text
	missing error
}

func textOf(s string) value { return value{text: s} }
func boolOf(b bool) value   { return value{text: fmt.Sprint(b), isBool: true} }

// truth reports whether a value counts as true in a condition, as in text/template: a text that is not empty.
func (v value) truth() bool {
	return v.missing == nil && v.text != "" && (!v.isBool || v.text == "true")
}

// list writes a list of nodes.
func (e *evaluation) list(out *strings.Builder, list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		if err := e.node(out, n); err != nil {
			return err
		}
	}
	return nil
}

func (e *evaluation) node(out *strings.Builder, n parse.Node) error {
	switch n := n.(type) {
	case *parse.TextNode:
		out.Write(n.Text)
	case *parse.CommentNode:
	case *parse.ActionNode:
		v, err := e.pipe(n.Pipe)
		if err == nil {
			err = v.missing
		}
		if err == nil {
			err = e.check(v)
		}
		if err != nil {
			return err
		}
		out.WriteString(v.text)
	case *parse.IfNode:
		v, err := e.pipe(n.Pipe)
		if err != nil {
			return err
		}
		if v.truth() {
			return e.list(out, n.List)
		}
		return e.list(out, n.ElseList)
	default:
		return unknown(n)
	}
	return nil
}

// check refuses a text that would be more than one flag of the linker: a branch or a title of somebody else's could then name the
// programs that link. The linker's flags are divided at white space outside of quotes (go help build).
func (e *evaluation) check(v value) error {
	if e.field != "Build.LDFlags" || v.from == "" || !strings.ContainsAny(v.text, " \t\r\n'\"\\") {
		return nil
	}
	return fmt.Errorf("%s has a space, a quote or a backslash, so it could be several flags\nfix: write {{slug %[1]s}}, or put the flags together in the magefile", v.from)
}

// pipe evaluates a pipeline: each command gets the value of the one before as its last argument.
func (e *evaluation) pipe(p *parse.PipeNode) (value, error) {
	if len(p.Decl) > 0 || len(p.Cmds) == 0 {
		return value{}, unknown(p)
	}
	var last *value
	for _, c := range p.Cmds {
		v, err := e.command(c, last)
		if err != nil {
			return v, err
		}
		last = &v
	}
	return *last, nil
}

// command evaluates a value, or a function with its arguments.
func (e *evaluation) command(c *parse.CommandNode, last *value) (value, error) {
	name, isFunction := c.Args[0].(*parse.IdentifierNode)
	if !isFunction {
		if len(c.Args) > 1 || last != nil {
			return value{}, unknown(c)
		}
		return e.argument(c.Args[0])
	}
	var args []value
	for _, a := range c.Args[1:] {
		v, err := e.argument(a)
		if err != nil {
			return v, err
		}
		args = append(args, v)
	}
	if last != nil {
		args = append(args, *last)
	}
	return call(name.Ident, args)
}

// argument evaluates what is no function.
func (e *evaluation) argument(n parse.Node) (value, error) {
	switch n := n.(type) {
	case *parse.StringNode:
		return textOf(n.Text), nil
	case *parse.BoolNode:
		return boolOf(n.True), nil
	case *parse.NumberNode:
		return textOf(n.Text), nil
	case *parse.FieldNode:
		return e.named(n)
	case *parse.PipeNode:
		return e.pipe(n)
	case *parse.IdentifierNode:
		return call(n.Ident, nil)
	}
	return value{}, unknown(n)
}

// unknown is the error for what templates may have and these do not.
func unknown(n fmt.Stringer) error { return fmt.Errorf("%q is not known\n%s", n.String(), fix) }

// named returns the value of a name.
func (e *evaluation) named(n *parse.FieldNode) (value, error) {
	v := e.values
	name := strings.Join(n.Ident, ".")
	switch {
	case name == "Name":
		return textOf(v.Name), nil
	case name == "Platform" && v.Several && e.field == "Tags":
		return value{missing: &git.NotThereError{What: "the image has several platforms, and this is about all of them", Fix: "name one platform, or leave {{.Platform}} out"}}, nil
	case name == "Platform":
		return textOf(v.Platform), nil
	case len(n.Ident) == 2 && n.Ident[0] == "Env":
		return e.variable(n.Ident[1])
	case name == "Git.Dirty":
		dirty, err := v.Git.Dirty(e.ctx)
		if err != nil {
			return answer("", err)
		}
		return boolOf(dirty), nil
	}
	ask, ok := map[string]func(context.Context) (string, error){
		"Git.Tag": v.Git.Tag, "Git.Commit": v.Git.Commit, "Git.ShortCommit": v.Git.ShortCommit, "Git.Branch": v.Git.Branch,
		"Git.Time": v.Git.Time, "Git.Describe": v.Git.Describe,
	}[name]
	if !ok {
		return value{}, unknown(n)
	}
	told, err := answer(ask(e.ctx))
	told.from = "." + name
	return told, err
}

// answer returns what git said. What it does not have is missing; another error is one.
func answer(text string, err error) (value, error) {
	var notThere *git.NotThereError
	if errors.As(err, &notThere) {
		return value{missing: err}, nil
	}
	return textOf(text), err
}

// variable returns a variable of the environment. One that is not set, or is empty, is missing. A secret is refused: everybody
// can read the texts of an image.
func (e *evaluation) variable(name string) (value, error) {
	for _, secret := range e.secret {
		if secret, _, _ = strings.Cut(secret, "="); secret == name {
			return value{}, fmt.Errorf("the variable %s is in Build.Secrets, and this text can be read by everybody\nfix: leave it out of the text, or of Build.Secrets", name)
		}
	}
	found := ""
	for _, kv := range e.values.Environ { // as for a process, the last one of a name counts
		if key, text, _ := strings.Cut(kv, "="); key == name {
			found = text
		}
	}
	if found == "" {
		return value{missing: &git.NotThereError{What: fmt.Sprintf("the variable %s is not set", name), Fix: fmt.Sprintf("set it, or write {{or .Env.%s \"…\"}}", name)}}, nil
	}
	return value{text: found, from: ".Env." + name}, nil
}

// functions are the names that the parser knows. See call.
var functions = map[string]any{"and": 0, "or": 0, "not": 0, "eq": 0, "ne": 0, "slug": 0, "trimPrefix": 0}

// call calls a function. A missing value stays missing, but for and, or and not.
func call(name string, args []value) (value, error) {
	counts := map[string][2]int{"and": {1, 99}, "or": {1, 99}, "not": {1, 1}, "eq": {2, 99}, "ne": {2, 2}, "slug": {1, 1}, "trimPrefix": {2, 2}}[name]
	if len(args) < counts[0] || len(args) > counts[1] {
		return value{}, fmt.Errorf("the function %s has %d arguments, which is not their number\n%s", name, len(args), fix)
	}
	switch name {
	case "and", "or":
		for _, v := range args {
			if v.truth() == (name == "or") {
				return v, nil
			}
		}
		return args[len(args)-1], nil
	case "not":
		return boolOf(!args[0].truth()), nil
	}
	for _, v := range args {
		if v.missing != nil {
			return v, nil
		}
	}
	switch name {
	case "eq":
		for _, v := range args[1:] {
			if v.text == args[0].text {
				return boolOf(true), nil
			}
		}
		return boolOf(false), nil
	case "ne":
		return boolOf(args[0].text != args[1].text), nil
	case "slug":
		return textOf(slug(args[0].text)), nil
	}
	return value{text: strings.TrimPrefix(args[1].text, args[0].text), from: args[1].from}, nil
}

// slug returns a text with "-" for what the tag of an image cannot have
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests).
func slug(text string) string {
	s := strings.Trim(notInTag.ReplaceAllString(text, "-"), "-.")
	return s[:min(len(s), 128)]
}

var notInTag = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)
