// Package check has the rules of imageCheck: functions of a finished image that return verdicts, and the comparison of two images that
// should be the same. It writes nothing but temporary files, and asks nobody.
package check

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Verdict says whether an image keeps a rule. Its JSON is for other programs: fields may be added, none is renamed.
type Verdict struct {
	Rule    string   `json:"rule"` // "starts", "size", "growth", "user", "setuid", "writable" or "reproducible"
	OK      bool     `json:"ok"`
	What    string   `json:"what"`    // what was found, for people
	Details []string `json:"details"` // what breaks the rule, at most [maxDetails] and how many more; never nil
	Fix     string   `json:"fix"`     // what helps; "" if nothing needs to
}

// maxDetails is how many details a verdict has.
const maxDetails = 10

// verdict returns the verdict about a rule that no detail may break. fine is what to say if there is none.
func verdict(rule, fine string, broken []string, what, fix string) Verdict {
	v := Verdict{Rule: rule, OK: true, What: fine, Details: []string{}}
	if n := len(broken); n > 0 {
		v.OK, v.What, v.Fix = false, what, fix
		v.Details = append(v.Details, broken[:min(n, maxDetails)]...)
		if n > maxDetails {
			v.Details = append(v.Details, fmt.Sprintf("and %d more", n-maxDetails))
		}
	}
	return v
}

// Rules returns the verdicts about an image by itself. The notes are about entries of Check.Allow that allow nothing.
func Rules(r result.Result) (all []Verdict, notes []string) {
	all = []Verdict{starts(r), size(r), user(r)}
	files, notes := modes(r.Tree, r.Plan)
	return append(all, files...), notes
}

// starts says what the build has proved: an image that could not start has no result.
func starts(r result.Result) Verdict {
	words := "a static program for " + r.Plan.Platform.String()
	if r.Libraries.Loader != "" {
		words = fmt.Sprintf("%s and all libraries for %s are there, with every symbol version", r.Libraries.Loader, r.Plan.Platform)
	}
	return verdict("starts", words+"; the user may read what is loaded", nil, "", "")
}

// size compares the image with MaxSize.
func size(r result.Result) Verdict {
	var n int64
	for _, l := range r.Image.Layers {
		n += l.Size
	}
	most := r.Plan.Rules.MaxSize
	switch {
	case most == 0:
		return verdict("size", report.Size(n)+", and any size is allowed", nil, "", "")
	case n <= most:
		return verdict("size", fmt.Sprintf("%s of at most %s", report.Size(n), report.Size(most)), nil, "", "")
	}
	v := Verdict{Rule: "size", What: fmt.Sprintf("%s (%d bytes), and at most %s are allowed%s", report.Size(n), n, report.Size(most), r.Plan.OfBase()), Details: []string{}}
	v.Fix = fmt.Sprintf("see what is large with imageExplain, or raise Check.MaxSize (%s)", r.Plan.Origin)
	return v
}

// Growth compares the compressed size of an image with that of the image that the registry has under a reference, "" for none.
func Growth(p plan.Image, now, before int64, reference string) Verdict {
	limit := p.Rules.MaxGrowth
	if reference == "" {
		return verdict("growth", report.Size(now)+" compressed; nothing is pushed yet", nil, "", "")
	}
	words := fmt.Sprintf("%s compressed, %s has %s", report.Size(now), reference, report.Size(before))
	if before > 0 {
		words += fmt.Sprintf(" (%+.1f%%)", 100*float64(now-before)/float64(before))
	}
	if now <= limit.Most(before) {
		return verdict("growth", words, nil, "", "")
	}
	v := Verdict{Rule: "growth", What: fmt.Sprintf("%s, and at most %s more are allowed", words, limit.Text), Details: []string{}}
	v.Fix = fmt.Sprintf("see what is large with imageExplain, or raise Check.MaxGrowth (%s)", p.Origin)
	return v
}

// user reports an image that runs as root.
func user(r result.Result) Verdict {
	words := r.Image.Config().User
	name, _, _ := strings.Cut(words, ":")
	id, err := strconv.ParseUint(name, 10, 32)
	fix := fmt.Sprintf("set User (%s) to another user than root, or allow it with Check.Root", r.Plan.Origin)
	switch {
	case r.Plan.Rules.Root:
		return verdict("user", words+", and root is allowed", nil, "", "")
	case err == nil && id != 0:
		return verdict("user", words, nil, "", "")
	case name == "", err == nil:
		return Verdict{Rule: "user", What: fmt.Sprintf("the user is root (%q)", words), Details: []string{}, Fix: fix}
	}
	return Verdict{Rule: "user", What: fmt.Sprintf("the user %q is no number, so it may be root", words), Details: []string{}, Fix: fix}
}

// modes looks at the modes of all files and folders, those of the base too.
func modes(tree *rootfs.Tree, p plan.Image) ([]Verdict, []string) {
	m := modeRules{allow: p.Rules.Allow, used: map[string]bool{}}
	own := map[string]bool{}
	for _, e := range tree.Entries() {
		own[e.Path] = true
		m.look(e)
	}
	if p.Base != nil {
		m.lookAtBase(p, own)
	}
	var notes []string
	for _, pattern := range p.Rules.Allow {
		if !m.used[pattern] {
			notes = append(notes, fmt.Sprintf("warning: the entry %q of Check.Allow (%s) allows nothing\nfix: remove it, or correct it", pattern, p.Origin))
		}
	}
	fix := fmt.Sprintf("give each another mode, leave it out, or list it in Check.Allow (%s)", p.Origin)
	return []Verdict{
		verdict("setuid", "no file is setuid or setgid", m.setuid, count(m.setuid)+" setuid or setgid", fix),
		verdict("writable", "nothing is writable by everybody, except sticky folders", m.writable, count(m.writable)+" writable by everybody", fix),
	}, notes
}

// modeRules finds what breaks the rules about modes.
type modeRules struct {
	allow            []string
	used             map[string]bool // of allow
	setuid, writable []string        // for people
}

// look looks at one entry. A setgid folder only hands its group on, and a link has no mode.
func (m *modeRules) look(e rootfs.Entry) {
	special := e.Mode.IsRegular() && e.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0
	open := e.Mode&0o002 != 0 && (e.Mode.IsRegular() || e.Mode.IsDir() && e.Mode&fs.ModeSticky == 0)
	if !special && !open {
		return
	}
	if pattern := allows(m.allow, e.Path); pattern != "" {
		m.used[pattern] = true
		return
	}
	words := fmt.Sprintf("%s (%s): %s", e.Path, e, e.Reason)
	if special {
		m.setuid = append(m.setuid, words)
	}
	if open {
		m.writable = append(m.writable, words)
	}
}

// lookAtBase looks at the files of the base, except those that the image replaces. What cannot be looked at breaks both rules.
func (m *modeRules) lookAtBase(p plan.Image, own map[string]bool) {
	if name := p.Base.FS.Unnamed; name != "" {
		words := name + ": in the base " + p.BaseName + ", with a name that is not UTF-8"
		m.setuid, m.writable = append(m.setuid, words), append(m.writable, words)
	}
	_ = fs.WalkDir(p.Base.FS, ".", func(name string, d fs.DirEntry, err error) error {
		e := rootfs.Entry{Path: path.Join("/", name), Reason: "in the base " + p.BaseName}
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		switch {
		case err != nil:
			words := fmt.Sprintf("%s: %v", e.Path, err)
			m.setuid, m.writable = append(m.setuid, words), append(m.writable, words)
			return nil
		case own[e.Path], name == ".":
			return nil
		}
		e.Mode = info.Mode()
		if h, ok := info.Sys().(*tar.Header); ok {
			e.UID, e.GID = h.Uid, h.Gid
		}
		m.look(e)
		return nil
	})
}

// count says for people how many paths are something.
func count(list []string) string {
	if len(list) == 1 {
		return "1 path is"
	}
	return fmt.Sprintf("%d paths are", len(list))
}

// allows returns the pattern that matches a path or a folder that it is in, "" for none.
func allows(patterns []string, p string) string {
	for {
		for _, pattern := range patterns {
			if ok, err := path.Match(pattern, p); ok && err == nil {
				return pattern
			}
		}
		if p == "/" {
			return ""
		}
		p = path.Dir(p)
	}
}
