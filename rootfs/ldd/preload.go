package ldd

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// preloadPath is where glibc looks for names of libraries to preload, see ld.so(8).
const preloadPath = "/etc/ld.so.preload"

// ReadPreload returns the content of /etc/ld.so.preload in a root file system, "" when there is none or nobody may
// read it.
func ReadPreload(sys FS) (string, error) {
	data, err := newWalker(sys).read(preloadPath, maxPathFile)
	if isNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", preloadPath, err)
	}
	return string(data), nil
}

// preload is a library that is loaded before what the program needs.
type preload struct {
	name, rule string
}

// preloads returns what is preloaded, in order: handle_preload_list and dl_main of glibc's elf/rtld.c.
func (g *glibc) preloads() []preload {
	var all []preload
	for _, name := range strings.FieldsFunc(g.env.Preload, func(c rune) bool { return c == ' ' || c == ':' }) {
		// Of a set-ID program, names of libraries alone (dso_name_valid_for_suid).
		if len(name) >= maxPath || g.secure() && (len(name) >= maxName || strings.Contains(name, "/")) {
			continue
		}
		all = append(all, preload{name, "LD_PRELOAD"})
	}
	if g.conf.preload == "" {
		return all
	}
	for _, name := range splitPreload([]byte(g.env.PreloadFile)) {
		all = append(all, preload{name, g.conf.preload})
	}
	return all
}

// splitPreload splits the file at spaces, tabs, ends of lines and colons, without comments, byte by byte as the
// loader does.
func splitPreload(text []byte) []string {
	text = bytes.Clone(text)
	for rest := len(text); rest > 0; {
		// Each comment is looked for from the start of the file, in as many bytes as followed the last one: of
		// several, the later ones may stay. So it has been since there are comments.
		i := bytes.IndexByte(text[:rest], '#')
		if i < 0 {
			break
		}
		rest -= i
		for {
			text[i] = ' '
			rest--
			if i++; rest <= 0 || text[i] == '\n' {
				break
			}
		}
	}
	const separators = ": \t\n"
	list, last := string(text), ""
	// A name that ends with the file has no place for the NUL behind it, and is handled by itself; any other NUL
	// ends the list.
	if i := strings.LastIndexAny(list, separators); i < len(list)-1 {
		list, last = list[:i+1], cString(text[i+1:])
	}
	names := strings.FieldsFunc(cString([]byte(list)), func(c rune) bool { return strings.ContainsRune(separators, c) })
	if last != "" {
		names = append(names, last)
	}
	return names
}

// preload loads a library unless it is loaded already; nil when it is, and when it cannot be: the loader says so and
// goes on. What it needs is another matter.
func (g *glibc) preload(p preload) (*loaded, error) {
	if _, ok := g.names[p.name]; ok {
		return nil, nil
	}
	n := len(g.objects)
	g.searched = nil
	// In the folders that a set-ID program searches it preloads set-ID libraries alone.
	g.onlySetID = g.secure()
	c, err := g.find(p.name, g.main)
	g.onlySetID = false
	if err == nil && c == nil {
		g.closure.Optional = append(g.closure.Optional, g.missingPreload(p.name, p.rule, g.searched))
		return nil, nil
	}
	var o *loaded
	if err == nil {
		o, err = g.mapFile(p.name, c, g.main)
	}
	if g.ctx.Err() != nil {
		return nil, g.ctx.Err()
	}
	if err != nil {
		g.warnPreload(p.rule, err)
		return nil, nil
	}
	if len(g.objects) == n {
		return nil, nil
	}
	o.preload = true
	o.By = p.rule + ", found by " + o.By
	return o, nil
}

// preload loads what LD_PRELOAD names (load_preload in musl's ldso/dynlink.c).
func (m *musl) preload() error {
	if m.secure() {
		return nil
	}
	// Nobody asks for them: the search path of the program does not count.
	nobody := &loaded{Object: m.main.Object, dyn: &dynamic{}}
	names := strings.FieldsFunc(m.env.Preload, func(c rune) bool { return c == ':' || c == ' ' || '\t' <= c && c <= '\r' })
	for _, name := range names {
		n, missing := len(m.objects), m.missing
		o, err := m.load(name, nobody)
		if m.ctx.Err() != nil {
			return m.ctx.Err()
		}
		switch {
		case err != nil:
			m.warnPreload("LD_PRELOAD", err)
		case o == nil:
			m.missing = missing
			m.closure.Optional = append(m.closure.Optional, m.missingPreload(name, "LD_PRELOAD", m.searched))
		case len(m.objects) > n:
			o.preload, o.parent = true, nil
			o.By = "LD_PRELOAD, found by " + o.By
		}
	}
	return nil
}

// missingPreload is a preloaded library that is missing.
func (r *process) missingPreload(name, rule string, searched []string) *NotFoundError {
	e := r.notFound(name, r.main.Path, searched)
	if strings.Contains(name, "/") {
		e.Fix = "put the library there"
	}
	e.Fix += fmt.Sprintf(", or take it out of %s: the program starts without", rule)
	return e
}

// warnPreload notes a preloaded library that is there and does not do.
func (r *process) warnPreload(rule string, err error) {
	var refused *LoadError
	if errors.As(err, &refused) {
		r.warning("%q of %s cannot be preloaded, and the program starts without: %v", refused.Path, rule, refused.Err)
		return
	}
	r.warning("a library of %s cannot be preloaded, and the program starts without: %v", rule, err)
}
