package sbom

import (
	"cmp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Subject is an image as its bills of materials describe it. The slices need not be sorted.
type Subject struct {
	Name      string // of the image
	Reference string // repository:tag
	Platform  string // os/arch[/variant]
	Manifest  string // digest of the manifest, "sha256:…"
	Config    string // digest of the configuration, which engines show as the image's ID
	// Created is the time of the documents. The caller sets it: SOURCE_DATE_EPOCH, or 1970.
	Created time.Time
	// Tool is the version of fromscratch, or "" if it has none.
	Tool string

	Base     *Base // the image that this one builds on, or nil
	Program  Program
	Packages []Package // everything that is not Go
	Files    []File    // that belong to no package
}

// Base is the image that another image builds on. Its files are not listed: they are its maker's.
type Base struct {
	Name      string    // as the user named it
	Reference string    // in a registry; "" for a base from a file
	Digest    string    // "sha256:…"
	Packages  []Package // installed packages, without files
}

// Program is the program of the image.
type Program struct {
	File
	// Info is the build information that the go command put into the program, or nil if it is not written in Go.
	Info *debug.BuildInfo
}

// Package is the origin of files in the image, with a name, a version and a licence: a package of a Linux distribution,
// or a set of data.
type Package struct {
	Kind    string // "deb", "apk", "rpm"; "" for data
	Name    string
	Version string // as the distribution writes it; "" if unknown
	Arch    string // in the distribution's words
	Distro  Distro // zero for data
	// Source and SourceVersion are those of the source package, or "" if unknown.
	Source, SourceVersion string
	// Licence is what the package database states, mostly an SPDX expression, or "".
	Licence string
	// Copyright is the text of Debian's copyright file, or "".
	Copyright string
	Files     []File
}

// Distro is a Linux distribution, see os-release(5).
type Distro struct {
	ID      string // "debian"
	Version string // VERSION_ID, "12"; "" for rolling releases
}

// File is a regular file of the image.
type File struct {
	Path         string // absolute
	SHA1, SHA256 string // lower-case hex
	Reason       string // why it is in the image
	// Links are the paths of the files in the image that the loader maps with this one, because it names them.
	Links []string
}

// sorted returns the Subject with all slices sorted.
func (s Subject) sorted() Subject {
	s.Files = sortedFiles(s.Files)
	s.Packages = sortedPackages(s.Packages)
	if s.Base == nil {
		return s
	}
	base := *s.Base
	base.Packages = slices.DeleteFunc(sortedPackages(base.Packages), func(p Package) bool {
		return slices.ContainsFunc(s.Packages, func(have Package) bool { return have.id() == p.id() })
	})
	s.Base = &base
	return s
}

func sortedPackages(list []Package) []Package {
	list = slices.Clone(list)
	for i := range list {
		list[i].Files = sortedFiles(list[i].Files)
	}
	slices.SortFunc(list, func(a, b Package) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name),
			strings.Compare(a.Arch, b.Arch), strings.Compare(a.Version, b.Version))
	})
	return list
}

func sortedFiles(files []File) []File {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := range files {
		files[i].Links = slices.Compact(slices.Sorted(slices.Values(files[i].Links)))
	}
	return files
}

// created returns the time as both formats write it.
func (s Subject) created() string { return s.Created.UTC().Format("2006-01-02T15:04:05Z") }

// generator returns the name and version of the tool that wrote the documents.
func (s Subject) generator() string {
	if s.Tool == "" {
		return "fromscratch"
	}
	return "fromscratch-" + s.Tool
}
