package plugins

import (
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// maxNamedFile is the maximum size of a file that is taken because the program names it, in bytes.
const maxNamedFile = 64 << 20

// takePaths adds the files of shared data that the program itself names by their paths.
func (d *discovery) takePaths() error {
	texts, err := d.closure.SharedData()
	if err != nil {
		return nil // a program that can't be read to its end runs all the same
	}
	program := d.closure.Program().Path
	for _, text := range texts {
		name := d.longestFile(text)
		if name == "" || !d.isShareable(name) || !d.selectFound(GroupNamed) || d.isHidden(name) {
			continue
		}
		for _, name := range append([]string{name}, d.otherHalf(name)...) {
			info, err := d.sys.sys.Lstat(inFS(d.sys.follow(name)))
			if err != nil {
				continue
			}
			if info.Size() > maxNamedFile {
				d.found.addCandidate(Candidate{
					Name: path.Base(name), Path: name, Of: program, Likely: true,
					Why: plaintext.Sprintf("the program names this file, of %d MB: add it to the files if it is needed", info.Size()>>20),
				})
				continue
			}
			d.found.addFile(File{
				Path: name, Group: GroupNamed, Of: program, Optional: true, Within: programFolders,
				Why: plaintext.Sprintf("%s names it", program),
			})
		}
	}
	return nil
}

// longestFile returns the longest begin of a text that is the path of a regular file, "" if there is none.
func (d *discovery) longestFile(text string) string {
	dir := "/"
	for rest := strings.TrimPrefix(text, "/"); ; {
		elem, more, deeper := strings.Cut(rest, "/")
		if elem == "." || elem == ".." {
			return "" // the path leads elsewhere
		}
		if deeper && elem != "" {
			if mode, ok := d.sys.mode(path.Join(dir, elem)); ok && mode.IsDir() {
				dir, rest = path.Join(dir, elem), more
				continue
			}
		}
		name := path.Join(dir, longestOf(d.sys.list(dir), elem))
		if mode, ok := d.sys.mode(name); name == dir || !ok || !mode.IsRegular() {
			return ""
		}
		return name
	}
}

// longestOf returns the longest of some sorted names that a text begins with, "" if there is none. The folder may have any number of
// names.
func longestOf(names []string, text string) string {
	for ; text != ""; text = text[:len(text)-1] {
		if _, ok := slices.BinarySearch(names, text); ok {
			break
		}
	}
	return text
}

// isShareable reports whether a path leads to a place for programs and their data.
func (d *discovery) isShareable(name string) bool {
	real := d.sys.follow(name)
	return slices.ContainsFunc(programFolders, func(folder string) bool { return strings.HasPrefix(real, folder+"/") })
}

// otherHalf returns the other file of a dictionary: hunspell reads NAME.aff and NAME.dic, see hunspell(5).
func (d *discovery) otherHalf(name string) []string {
	other := map[string]string{".aff": ".dic", ".dic": ".aff"}[path.Ext(name)]
	if p := strings.TrimSuffix(name, path.Ext(name)) + other; other != "" && d.sys.follow(p) != "" && !d.isHidden(p) && d.isShareable(p) {
		return []string{p}
	}
	return nil
}
