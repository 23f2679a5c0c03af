package ldd

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Content opens the content of an object. The caller closes it.
func (c *Closure) Content(o *Object) (*Content, error) {
	if o.file != "" {
		return openHost(o.file)
	}
	return openContent(func() (fs.File, error) { return c.sys.Open(relative(o.Real)) })
}

// baseObjects returns the objects that every CPU loads.
func (c *Closure) baseObjects() []*Object {
	for i, o := range c.Objects {
		if o.Level != "" {
			return c.Objects[:i]
		}
	}
	return c.Objects
}

// each calls visit for every object that every CPU loads, in order.
func (c *Closure) each(ctx context.Context, visit func(o *Object) error) error {
	for _, o := range c.baseObjects() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := visit(o); err != nil {
			return fmt.Errorf("reading %q: %w", o.Path, err)
		}
	}
	return nil
}

// Find returns the file that the loader finds if an object of the closure opens a library by a name with
// dlopen(3), using the object's search path: the path as the loader opens it, and the path without links. Both
// are "" if it finds nothing, or if the searches of all calls have taken too long, which Names reports. Libraries that are loaded already are searched like others, see [Closure.Lookup].
func (c *Closure) Find(name string, by *Object) (path, real string) {
	if c.find == nil {
		return "", ""
	}
	return c.find(name, by)
}

// Importers returns, for each of the symbols, the objects that import it: those that have it as an undefined
// dynamic symbol of any version. An object that imports dlopen may open libraries that no header names. A
// symbol that nobody imports is not in the map.
func (c *Closure) Importers(ctx context.Context, symbols ...string) (map[string][]*Object, error) {
	out := map[string][]*Object{}
	err := c.each(ctx, func(o *Object) error {
		names, err := c.imports(o, symbols)
		for _, s := range names {
			out[s] = append(out[s], o)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for imported symbols: %w", err)
	}
	return out, nil
}

// imports returns those of the symbols that an object imports.
func (c *Closure) imports(o *Object, symbols []string) ([]string, error) {
	names, err := c.ask(o, "imports "+strings.Join(symbols, " "), func(f *elf.File) (any, error) { return f.Imports(symbols) })
	if err != nil {
		return nil, err
	}
	return names.([]string), nil
}

// nssSymbol is in libc.so.6 since glibc 2.34, which has the sources "files" and "dns" of nsswitch.conf built
// in.
const nssSymbol = "_nss_dns_gethostbyname4_r"

// NSSBuiltin reports whether the C library looks up users in files and hosts in DNS without opening
// libnss_files.so.2 and libnss_dns.so.2. glibc before 2.34 opens them. It also returns true if the closure has
// no glibc.
func (c *Closure) NSSBuiltin() (bool, error) {
	libc, ok := c.Lookup("libc.so.6")
	if c.Flavour != Glibc || !ok {
		return true, nil
	}
	builtin, err := c.ask(libc, "nss", func(f *elf.File) (any, error) {
		d, err := f.Dynamic()
		if err != nil {
			return nil, err
		}
		t, err := f.Symbols(d, nil)
		return err == nil && t.Defines(nssSymbol), err
	})
	if err != nil {
		return false, fmt.Errorf("reading %q: %w", libc.Path, err)
	}
	return builtin.(bool), nil
}
