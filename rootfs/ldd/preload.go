package ldd

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// preloadPath is the file with the libraries that glibc preloads, see ld.so(8).
const preloadPath = "/etc/ld.so.preload"

// ReadPreload returns the content of /etc/ld.so.preload in a root file system, "" if it does not exist or is
// not readable.
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

// preload is a library that is loaded before those that the program needs.
type preload struct {
	name, rule string
}

// preloads returns the libraries to preload, in order: handle_preload_list and dl_main of glibc's elf/rtld.c.
func (g *glibc) preloads() []preload {
	var all []preload
	for _, name := range strings.FieldsFunc(g.env.Preload, func(c rune) bool { return c == ' ' || c == ':' }) {
		// A set-ID program accepts only names, not paths (dso_name_valid_for_suid).
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

// splitPreload splits the file at spaces, tabs, newlines and colons and removes comments, byte by byte like the
// loader.
func splitPreload(text []byte) []string {
	text = bytes.Clone(text)
	for rest := len(text); rest > 0; {
		// The loader searches each comment from the start of the file, within as many bytes as followed the
		// last one. So it may miss later comments; all releases do.
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
	// A name at the very end of the file has no room for the NUL after it and is handled separately. Any other
	// NUL ends the list.
	if i := strings.LastIndexAny(list, separators); i < len(list)-1 {
		list, last = list[:i+1], cText(text[i+1:])
	}
	names := strings.FieldsFunc(cText([]byte(list)), func(c rune) bool { return strings.ContainsRune(separators, c) })
	if last != "" {
		names = append(names, last)
	}
	return names
}

// preload loads a library. It returns nil if the library is loaded already or cannot be loaded: the loader then
// prints a message and continues. Missing dependencies of the library are errors.
func (g *glibc) preload(p preload) (*loaded, error) {
	if _, ok := g.names[p.name]; ok {
		return nil, nil
	}
	n := len(g.objects)
	g.searched = nil
	// In the folders that it searches, a set-ID program preloads only set-ID libraries.
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
	if err := g.stopped(); err != nil {
		return nil, err
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
	// No object asks for them: the search path of the program does not apply.
	nobody := &loaded{Object: m.main.Object, dyn: &elf.Dynamic{}}
	names := strings.FieldsFunc(m.env.Preload, func(c rune) bool { return c == ':' || c == ' ' || '\t' <= c && c <= '\r' })
	for _, name := range names {
		n, missing := len(m.objects), m.missing
		o, err := m.load(name, nobody)
		if err := m.stopped(); err != nil {
			return err
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

// missingPreload returns the error for a preloaded library that is missing.
func (r *process) missingPreload(name, rule string, searched searchLog) *NotFoundError {
	e := r.notFound(name, r.main.Path, searched)
	if strings.Contains(name, "/") {
		e.Fix = "put the library there"
	}
	e.Fix += fmt.Sprintf(", or remove it from %s: the program starts without it", rule)
	return e
}

// warnPreload warns of a preloaded library that exists but cannot be loaded.
func (r *process) warnPreload(rule string, err error) {
	var refused *LoadError
	if errors.As(err, &refused) {
		r.warning("%q of %s cannot be preloaded, the program starts without it: %v", refused.Path, rule, refused.Err)
		return
	}
	r.warning("a library of %s cannot be preloaded, the program starts without it: %v", rule, err)
}
