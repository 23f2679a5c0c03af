package sbom

import (
	"cmp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Subject is an image as its bills of materials describe it. The slices may be in any order.
type Subject struct {
	Name      string // of the image
	Reference string // repository:tag
	Platform  string // os/arch[/variant]
	Manifest  string // digest of the manifest, "sha256:…"
	Config    string // digest of the configuration, which engines show as the image's ID
	// Created is the time of the documents. It comes from outside: SOURCE_DATE_EPOCH, or 1970.
	Created time.Time
	// Tool is the version of fromscratch, "" when it has none.
	Tool string

	Program  Program
	Packages []Package // all that is not Go
	Files    []File    // that come from no package
}

// Program is the program of the image.
type Program struct {
	File
	// Info is what the go command has written into the program, nil when it is not one of Go.
	Info *debug.BuildInfo
}

// Package is something with a name, a version and a licence that files of the image come from: a package of a
// Linux distribution, or a set of data.
type Package struct {
	Kind    string // "deb", "apk", "rpm"; "" for data, which no package manager knows
	Name    string
	Version string // as the distribution writes it; "" when it is not known
	Arch    string // in the distribution's words
	Distro  Distro // zero for data
	// Source and SourceVersion are of the package that it was built from; "" are not known.
	Source, SourceVersion string
	// Licence is what the package's database says, mostly an SPDX expression; "" is nothing.
	Licence string
	// Copyright is the text of Debian's copyright file, "" when there is none.
	Copyright string
	Files     []File
}

// Distro is a Linux distribution, see os-release(5).
type Distro struct {
	ID      string // "debian"
	Version string // VERSION_ID, "12"; "" for rolling ones
}

// File is a regular file of the image.
type File struct {
	Path         string // absolute
	SHA1, SHA256 string // lower-case hex
	Reason       string // why it is in the image
	// Links are the paths of the files of the image that the loader maps with this one, because it names them.
	Links []string
}

// sorted returns the Subject with everything in its order.
func (s Subject) sorted() Subject {
	s.Files = sortedFiles(s.Files)
	s.Packages = slices.Clone(s.Packages)
	for i := range s.Packages {
		s.Packages[i].Files = sortedFiles(s.Packages[i].Files)
	}
	slices.SortFunc(s.Packages, func(a, b Package) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name),
			strings.Compare(a.Arch, b.Arch), strings.Compare(a.Version, b.Version))
	})
	return s
}

func sortedFiles(files []File) []File {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := range files {
		files[i].Links = slices.Compact(slices.Sorted(slices.Values(files[i].Links)))
	}
	return files
}

// created is the time as both formats write it.
func (s Subject) created() string { return s.Created.UTC().Format("2006-01-02T15:04:05Z") }

// generator is what wrote the documents.
func (s Subject) generator() string {
	if s.Tool == "" {
		return "fromscratch"
	}
	return "fromscratch-" + s.Tool
}
