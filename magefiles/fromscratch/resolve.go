package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/document"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/manifest"
)

// manifestArgs are the arguments of imageResolve and imageApply after "--".
type manifestArgs struct {
	paths     []string
	recursive bool
	kubectl   []string // after a second "--"
}

// readManifestArgs reads the arguments. The flags have the names that they have in kubectl and ko.
func readManifestArgs(target string, args []string) (manifestArgs, error) {
	var a manifestArgs
	if i := slices.Index(args, "--"); i >= 0 {
		args, a.kubectl = args[:i], args[i+1:]
	}
	flags := flag.NewFlagSet(target, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	add := func(path string) error { a.paths = append(a.paths, path); return nil }
	for _, name := range []string{"f", "filename"} {
		flags.Func(name, "", add)
	}
	for _, name := range []string{"R", "recursive"} {
		flags.BoolVar(&a.recursive, name, false, "")
	}
	flags.Func("Rf", "", func(path string) error { a.recursive = true; return add(path) })
	err := flags.Parse(args)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("%q is no flag", flags.Arg(0))
	case len(a.paths) == 0:
		err = errors.New("there is no -f")
	case target == "imageResolve" && a.kubectl != nil:
		err = errors.New(`there is a second "--", and no other program runs`)
	}
	if err != nil {
		usage := fmt.Sprintf("write \"%s -- -f FILE\", with a file, a folder or \"-\" for standard input, more than once if there are several, and -R for folders below", target)
		if target == "imageApply" {
			usage += `; arguments of "kubectl apply" come after a second "--"`
		}
		return a, &buildkit.ConfigError{Err: fmt.Errorf("reading the arguments of %s: %w\nfix: %s", target, err, usage)}
	}
	return a, nil
}

// imageResolve brings the images that manifests name to their registries, or into a kind cluster, and prints the manifests with the
// references.
func imageResolve(ctx context.Context, r *run) (dialogue.End, error) {
	a, err := readManifestArgs(r.Target, r.Args)
	if err != nil {
		return dialogue.End{}, err
	}
	text, err := r.resolve(ctx, a)
	if err == nil && r.out.document == nil {
		_, err = r.out.stdout.Write(text)
	}
	return dialogue.End{Exit: true}, err // mage would take the arguments after "--" for targets
}

// resolve brings the images that manifests name to where pods get them from, and returns the manifests with the references. What is
// wrong with the manifests is an error before anything is built.
func (r *run) resolve(ctx context.Context, a manifestArgs) ([]byte, error) {
	files, err := manifest.Read(a.paths, a.recursive, r.Input)
	if err == nil {
		_, _, err = manifest.Replace(files, func(string) string { return "registry.example/image:tag" })
	}
	if err != nil {
		return nil, &buildkit.ConfigError{Err: err}
	}
	m, err := r.images()
	if err != nil {
		return nil, err
	}
	names, err := m.selectMentioned(ctx, files)
	if err != nil {
		return nil, err
	}
	references := map[string]string{}
	if len(names) > 0 {
		references, err = m.bring(ctx)
	} else {
		m.inputs.Report.Note("fromscratch", "manifests", fmt.Sprintf("nothing in the manifests begins with %s or %s, so nothing is built", manifest.ByName, manifest.ByProgram))
	}
	if err != nil {
		return nil, err
	}
	files, text, err := manifest.Replace(files, func(image string) string { return references[names[image]] })
	if err != nil {
		return nil, &buildkit.ConfigError{Err: err}
	}
	for _, f := range files {
		if r.out.document != nil {
			r.out.document.AddManifest(document.Manifest{Path: f.Path, Text: string(f.Text)})
		}
	}
	return text, nil
}

// selectMentioned makes the build use only the images that manifests mention, and returns their names. A mention of one that is not
// there is an error with its place.
func (m *images) selectMentioned(ctx context.Context, files []manifest.File) (names map[string]string, err error) {
	names = map[string]string{}
	var programs []buildkit.Program
	var wrong, selected []string
	for _, f := range files {
		for _, mention := range f.Mentions {
			if programs == nil {
				if programs, err = buildkit.Programs(ctx, m.inputs); err != nil {
					return nil, err
				}
			}
			name, why := nameOf(mention.Image, programs)
			if names[mention.Image] = name; name == "" {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %s", f.Path, mention.Line, why))
			}
			if !slices.Contains(selected, name) {
				selected = append(selected, name)
			}
		}
	}
	if wrong != nil {
		return nil, wrongMentions(wrong, programs)
	}
	if selected != nil {
		m.inputs.Environ = append(slices.Clip(m.inputs.Environ), "IMAGE_NAME="+strings.Join(selected, ","))
	}
	return names, nil
}

// nameOf returns the name of the image that a string in a manifest means, or why it means none.
func nameOf(image string, programs []buildkit.Program) (name, why string) {
	for _, p := range programs {
		switch {
		case image != manifest.ByName+p.Name && (p.ImportPath == "" || image != manifest.ByProgram+p.ImportPath):
		case name != "":
			return "", fmt.Sprintf("%q is the program of several images, %s and %s", image, name, p.Name)
		default:
			name = p.Name
		}
	}
	return name, fmt.Sprintf("%q is no image of this project", image)
}

// wrongMentions is the error for what manifests mention and is not there.
func wrongMentions(wrong []string, programs []buildkit.Program) error {
	text, out := strings.Join(wrong, "\n"), ""
	var list []string
	for _, p := range programs {
		list = append(list, manifest.ByName+p.Name)
		if p.ImportPath != "" && strings.Contains(text, manifest.ByProgram) {
			list = append(list, manifest.ByProgram+p.ImportPath)
		}
	}
	if os.Getenv("IMAGE_NAME") != "" {
		out = ", or unset IMAGE_NAME, which leaves others out"
	}
	return &buildkit.ConfigError{Err: fmt.Errorf("%s\nfix: write one of %s%s", text, strings.Join(list, ", "), out)}
}

// bring builds the images and brings them to where pods get them from: to the nodes of the kind cluster in IMAGE_OUTPUT, else to their
// registries. It returns the reference for each name.
func (m *images) bring(ctx context.Context) (map[string]string, error) {
	to, err := m.engines.Destination(ctx)
	if err != nil {
		return nil, err
	}
	if err := to.Check(); err != nil {
		return nil, err
	}
	if to.Cluster != nil {
		return m.bringToNodes(ctx, to)
	}
	m.inputs.Bases.RegistryFirst = true // as for imagePush
	pushed, err := m.push(ctx, func(pushed []buildkit.Pushed, group []*buildkit.Result) said {
		s := saidPushed(pushed, group)
		s.lines = "" // stdout is for the manifests
		return s
	})
	references := map[string]string{}
	for _, p := range pushed {
		references[p.Name] = p.Reference
	}
	return references, err
}

// bringToNodes brings the images to the nodes of a kind cluster. There an image has its digest for a tag, because a pod may not name a
// digest that no registry has: so a changed image has another reference, which lets a Deployment replace its pods, and it is not
// pulled, as it would be with the tag latest (https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting).
func (m *images) bringToNodes(ctx context.Context, to buildkit.Destination) (map[string]string, error) {
	m.selectEnginePlatform()
	plans, err := m.plans(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	references := map[string]string{}
	err = m.buildEach(ctx, plans, nil, func(ctx context.Context, b *buildkit.Result) (said, error) {
		ref := b.Plan.Repository + ":" + b.Image.ManifestDigest.Encoded()
		s := saidOf("", b)
		s.images[0].Reference, s.images[0].References = ref, nil
		mu.Lock()
		references[b.Plan.Name] = ref
		mu.Unlock()
		return s, b.LoadCluster(ctx, ref, to.Cluster)
	})
	return references, err
}
