package packagedb

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs"
)

// installed is apk's database, https://wiki.alpinelinux.org/wiki/Apk_spec#Installed_Database_V2. Where /lib is a link to /usr/lib, it leads
// there too.
const installed = "/lib/apk/db/installed"

// addAPK adds the packages of apk. The database of a base is left as it is: apk would take a package of ours for one that nobody has asked
// for, and remove it with the next command.
func (a *adding) addAPK(ctx context.Context, list []shipped) error {
	if list = a.safe(list); len(list) == 0 {
		return nil
	}
	for _, name := range []string{installed, "/usr" + installed} {
		e, there := a.at(name)
		switch {
		case there && e.Layer == rootfs.Files:
			return nil // of the user
		case there:
			var names []string
			for _, p := range list {
				names = append(names, p.String())
			}
			a.note("the base %s has a database of apk, which stays as it is: scanners of the image do not see %s, the bills of materials have them\nfix: take a base that has the packages, or set Packages to \"none\"",
				a.plan.Files.BaseName, strings.Join(names, ", "))
			return nil
		}
	}
	all, err := sums(ctx, list, sha1.New)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, p := range list {
		p.write(&b, all)
	}
	a.add(installed, b.String(), list[0])
	return nil
}

// write writes a package with the fields that scanners read, in apk's order: name, version, architecture, licence, source and maintainer,
// then the folders with their files and checksums.
func (p shipped) write(b *strings.Builder, sums map[string][]byte) {
	for _, field := range []struct{ key, value string }{
		{"P", p.Name}, {"V", p.Version}, {"A", p.Architecture}, {"L", words(p.Licence)}, {"o", p.Source}, {"m", words(p.Maintainer)},
	} {
		if field.value != "" {
			fmt.Fprintf(b, "%s:%s\n", field.key, field.value)
		}
	}
	slices.SortFunc(p.files, func(a, b rootfs.Entry) int {
		return cmp.Or(strings.Compare(path.Dir(a.Path), path.Dir(b.Path)), strings.Compare(a.Path, b.Path))
	})
	folder := ""
	for _, e := range p.files {
		if dir := path.Dir(e.Path); dir != folder {
			fmt.Fprintf(b, "F:%s\n", strings.TrimPrefix(dir, "/"))
			folder = dir
		}
		fmt.Fprintf(b, "R:%s\nZ:Q1%s\n", path.Base(e.Path), base64.StdEncoding.EncodeToString(sums[e.Path]))
	}
	b.WriteString("\n")
}
